//! No model: what stands for one in a program built without the cargo feature `semantic`.
//!
//! Owns a [`Model`] that cannot exist, so that those who may hold one need no two versions.

use super::{About, Fault, Files, Part, Vector};

/// A model, which this program cannot have.
#[derive(Debug)]
pub enum Model {}

impl Model {
    /// Refuses.
    pub fn read(_files: &Files) -> Result<Self, Fault> {
        let message = "this program was built without models".to_owned();
        Err(Fault { part: Part::Config, key: String::new(), message })
    }

    /// What it is.
    pub fn about(&self) -> About {
        match *self {}
    }

    /// The meaning of a text.
    pub fn embed(&self, _text: &str) -> Option<Vector> {
        match *self {}
    }
}
