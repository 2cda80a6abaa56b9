//! Tokens: a text as the numbers a network knows.
//!
//! Owns [`Tokens`], a `tokenizer.json` whose numbers all lie within the network's vocabulary. What the file says about
//! cutting and padding is replaced: texts are cut at the model's length, and nothing is padded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Map, Value};
use tokenizers::{PostProcessor, Tokenizer, TruncationParams};

use super::shape::Shape;
use super::weights::first_line;
use super::{Fault, Part};

/// Characters of a text that are looked at, per token it may have: tokens have about four.
const CHARACTERS_PER_TOKEN: usize = 16;

/// A tokenizer that fits its network.
pub(super) struct Tokens {
    tokenizer: Tokenizer,
    characters_max: usize,
}

impl Tokens {
    /// Reads a `tokenizer.json`.
    pub(super) fn read(bytes: &[u8], shape: Shape) -> Result<Self, Fault> {
        let refuse = |key: &str, message: String| Fault::new(Part::Tokenizer, key, message);
        let mut tokenizer = parse(bytes).map_err(|message| refuse("", message))?;
        check_vocabulary(&tokenizer, shape)?;
        let added = tokenizer.get_post_processor().map_or(0, |processor| processor.added_tokens(false));
        if added * 2 > shape.tokens_max {
            let message = format!("{added} tokens are added to each text, of {} in all", shape.tokens_max);
            return Err(refuse("post_processor", message));
        }
        tokenizer.with_padding(None);
        let cut = TruncationParams { max_length: shape.tokens_max, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(cut)).map_err(|error| refuse("truncation", first_line(&error)))?;
        Ok(Self { tokenizer, characters_max: shape.tokens_max * CHARACTERS_PER_TOKEN })
    }

    /// The numbers of a text's tokens, with those that begin and end it; `None` when there are none.
    pub(super) fn of(&self, text: &str) -> Option<Vec<u32>> {
        let end = text.char_indices().nth(self.characters_max).map_or(text.len(), |(offset, _)| offset);
        let text = text.get(..end)?;
        // As in `parse`.
        let encoding =
            catch_unwind(AssertUnwindSafe(|| self.tokenizer.encode_fast(text, true))).ok()?.ok()?;
        let ids = encoding.get_ids();
        (!ids.is_empty()).then(|| ids.to_vec())
    }
}

/// Reads a tokenizer, without its parts that make text of tokens, and what it says about cutting and padding.
///
/// `tokenizers` panics on some files it does not understand, and a file of the owner's must not end the program.
fn parse(bytes: &[u8]) -> Result<Tokenizer, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("it cannot be read: {}", first_line(error));
    let mut parts: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
    for unused in ["decoder", "truncation", "padding"] {
        parts.insert(unused.to_owned(), Value::Null);
    }
    let used = serde_json::to_vec(&parts).map_err(|error| unreadable(&error))?;
    match catch_unwind(|| Tokenizer::from_bytes(used)) {
        Ok(read) => read.map_err(|error| unreadable(&error)),
        Err(_panic) => Err("it is written in a way that is not understood here".to_owned()),
    }
}

/// Every token must have its row in the network, and a network most of whose rows no token reaches is another one's.
fn check_vocabulary(tokenizer: &Tokenizer, shape: Shape) -> Result<(), Fault> {
    let vocabulary = tokenizer.get_vocab(true);
    let Some((token, last)) = vocabulary.iter().max_by_key(|(_, number)| **number) else {
        return Err(Fault::new(Part::Tokenizer, "model.vocab", "it has no tokens"));
    };
    let rows = shape.vocabulary;
    if usize::try_from(*last).is_ok_and(|last| last >= rows) {
        let token: String = token.chars().take(40).collect();
        let message = format!(
            "token {token:?} is number {last}, but config.json has a vocab_size of {rows}: it belongs to another model"
        );
        return Err(Fault::new(Part::Tokenizer, "model.vocab", message));
    }
    let count = vocabulary.len();
    if count * 2 < rows {
        let message = format!(
            "it has {count} tokens, but config.json has a vocab_size of {rows}: it belongs to another model"
        );
        return Err(Fault::new(Part::Tokenizer, "model.vocab", message));
    }
    Ok(())
}
