//! The network: BERT's encoder (Devlin, Chang, Lee, Toutanova: NAACL 2019), for one text at a time.
//!
//! Owns [`Network`], from token numbers to one vector. Without padding there is nothing to mask, and the kind of every
//! token is the first, so its vector is added to the positions once. Refuses to cut texts into tokens.

use candle_core::{Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::{LayerNorm, Linear, Module};

use super::Fault;
use super::shape::{Activation, Pooling, Shape};
use super::weights::Weights;

/// A network, ready to run.
pub(super) struct Network {
    words: Tensor,
    positions: Tensor,
    norm: LayerNorm,
    layers: Vec<Layer>,
    shape: Shape,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    mix: Linear,
    mix_norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
    norm: LayerNorm,
}

impl Network {
    /// Takes a network's tensors.
    pub(super) fn read(weights: &Weights<'_>, shape: Shape) -> std::result::Result<Self, Fault> {
        let table = |name: &str, rows: usize| {
            weights.tensor(&format!("embeddings.{name}_embeddings.weight"), &[rows, shape.hidden])
        };
        let words = table("word", shape.vocabulary)?;
        let types = table("token_type", shape.types)?;
        let positions = table("position", shape.positions)?;
        let positions = types.narrow(0, 0, 1).and_then(|first| positions.broadcast_add(&first));
        let positions = positions.map_err(|error| {
            let message = super::weights::first_line(&error);
            Fault::new(super::Part::Weights, "embeddings.token_type_embeddings.weight", message)
        })?;
        let norm = layer_norm(weights, "embeddings.LayerNorm", shape)?;
        let layers = (0..shape.layers).map(|number| Layer::read(weights, number, shape));
        Ok(Self { words, positions, norm, layers: layers.collect::<std::result::Result<_, _>>()?, shape })
    }

    /// What the network makes of a text, by the numbers of its tokens.
    pub(super) fn run(&self, tokens: &[u32]) -> Result<Vec<f32>> {
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let words = self.words.index_select(&ids, 0)?;
        let mut state = self.norm.forward(&(words + self.positions.narrow(0, 0, tokens.len())?)?)?;
        for layer in &self.layers {
            state = layer.run(&state, self.shape)?;
        }
        let pooled = match self.shape.pooling {
            Pooling::Mean => state.mean(0)?,
            Pooling::First => state.get(0)?,
        };
        pooled.to_vec1()
    }
}

impl Layer {
    fn read(weights: &Weights<'_>, number: usize, shape: Shape) -> std::result::Result<Self, Fault> {
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let dense = |part: &str, from: usize, to: usize| linear(weights, &name(part), from, to);
        let (hidden, inner) = (shape.hidden, shape.inner);
        Ok(Self {
            query: dense("attention.self.query", hidden, hidden)?,
            key: dense("attention.self.key", hidden, hidden)?,
            value: dense("attention.self.value", hidden, hidden)?,
            mix: dense("attention.output.dense", hidden, hidden)?,
            mix_norm: layer_norm(weights, &name("attention.output.LayerNorm"), shape)?,
            widen: dense("intermediate.dense", hidden, inner)?,
            narrow: dense("output.dense", inner, hidden)?,
            norm: layer_norm(weights, &name("output.LayerNorm"), shape)?,
        })
    }

    /// Tokens look at each other, then each is thought over by itself; both times beside what it was.
    fn run(&self, state: &Tensor, shape: Shape) -> Result<Tensor> {
        let mixed = self.mix.forward(&self.attend(state, shape)?)?;
        let state = self.mix_norm.forward(&(mixed + state)?)?;
        let wide = self.widen.forward(&state)?;
        let wide = match shape.activation {
            Activation::Gelu => wide.gelu_erf()?,
            Activation::GeluByTanh => wide.gelu()?,
            Activation::Relu => wide.relu()?,
        };
        self.norm.forward(&(self.narrow.forward(&wide)? + state)?)
    }

    fn attend(&self, state: &Tensor, shape: Shape) -> Result<Tensor> {
        let (count, size) = (state.dim(0)?, shape.hidden / shape.heads);
        // One matrix of tokens per head.
        let heads =
            |projected: Tensor| projected.reshape((count, shape.heads, size))?.transpose(0, 1)?.contiguous();
        let query = heads(self.query.forward(state)?)?;
        let key = heads(self.key.forward(state)?)?;
        let value = heads(self.value.forward(state)?)?;
        let looks = (query.matmul(&key.t()?)? * (1.0 / (size as f64).sqrt()))?;
        let seen = softmax_last_dim(&looks)?.matmul(&value)?;
        seen.transpose(0, 1)?.contiguous()?.reshape((count, shape.hidden))
    }
}

fn linear(weights: &Weights<'_>, name: &str, from: usize, to: usize) -> std::result::Result<Linear, Fault> {
    let weight = weights.tensor(&format!("{name}.weight"), &[to, from])?;
    let bias = weights.tensor(&format!("{name}.bias"), &[to])?;
    Ok(Linear::new(weight, Some(bias)))
}

fn layer_norm(weights: &Weights<'_>, name: &str, shape: Shape) -> std::result::Result<LayerNorm, Fault> {
    let [weight, gamma, bias, beta] =
        ["weight", "gamma", "bias", "beta"].map(|part| format!("{name}.{part}"));
    let scale = weights.either([&weight, &gamma], &[shape.hidden])?;
    let shift = weights.either([&bias, &beta], &[shape.hidden])?;
    Ok(LayerNorm::new(scale, shift, shape.epsilon))
}
