//! Embedding: from a model's files to the meaning of a text.
//!
//! Owns [`Model`]. One that was read has embedded a text of full length, so that what is wrong with it shows when the
//! configuration is read and not at the first article. Refuses to read files and to go to the network.

use std::fmt;

use super::bert::Network;
use super::shape::Shape;
use super::tokens::Tokens;
use super::weights::{Weights, first_line};
use super::{About, Fault, Files, Part, Vector};

/// A model, ready for use.
pub struct Model {
    tokens: Tokens,
    network: Network,
    about: About,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({})", self.about)
    }
}

impl Model {
    /// Reads a model.
    pub fn read(files: &Files) -> Result<Self, Fault> {
        let bytes = |part: Part| {
            files.get(&part).map(Vec::as_slice).ok_or_else(|| Fault::new(part, "", "it is missing"))
        };
        let shape = Shape::read(files)?;
        let tokens = Tokens::read(bytes(Part::Tokenizer)?, shape)?;
        let weights = Weights::open(bytes(Part::Weights)?)?;
        let network = Network::read(&weights, shape)?;
        let about = About {
            dimensions: shape.hidden,
            layers: shape.layers,
            parameters: weights.count(),
            vocabulary: shape.vocabulary,
            tokens_max: shape.tokens_max,
        };
        let model = Self { tokens, network, about };
        model.try_it()?;
        Ok(model)
    }

    /// Embeds a text of full length.
    fn try_it(&self) -> Result<(), Fault> {
        let Some(tokens) = self.tokens.of(&"a report, ".repeat(self.about.tokens_max)) else {
            return Err(Fault::new(Part::Tokenizer, "", "it makes no tokens of a text"));
        };
        if let Some(token) = tokens.iter().find(|token| **token as usize >= self.about.vocabulary) {
            let message = format!("it adds the token {token}, which is not in its vocabulary");
            return Err(Fault::new(Part::Tokenizer, "post_processor", message));
        }
        let refuse = |message: String| Fault::new(Part::Weights, "", message);
        let numbers = self
            .network
            .run(&tokens)
            .map_err(|error| refuse(format!("the network does not run: {}", first_line(&error))))?;
        let no_direction =
            || refuse("the network makes no numbers of a text: its weights are broken".to_owned());
        Vector::of(numbers).ok_or_else(no_direction).map(drop)
    }

    /// What it is.
    pub fn about(&self) -> About {
        self.about
    }

    /// The meaning of a text, the same for the same text; `None` for a text without a word.
    pub fn embed(&self, text: &str) -> Option<Vector> {
        if !text.chars().any(char::is_alphanumeric) {
            return None;
        }
        // What could fail was tried when the model was read.
        let numbers = self.network.run(&self.tokens.of(text)?).ok()?;
        Vector::of(numbers)
    }
}
