//! What the server does with mutations by their names, beside the generic ones.

use std::collections::HashMap;
use std::sync::Arc;

use mizu_sync_protocol::Code;
use thiserror::Error;

use super::Transaction;

/// Why a mutation was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Refusal {
    /// None where it is to be tried again.
    pub(super) code: Option<Code>,
    pub(super) message: String,
}

impl Refusal {
    fn forever(code: Code, message: impl Into<String>) -> Self {
        Self { code: Some(code), message: message.into() }
    }

    /// For ever: it contradicts what is stored. The texts here and below are for a person.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::forever(Code::Conflict, message)
    }

    /// For ever: its arguments are wrong or too large.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::forever(Code::InvalidMutation, message)
    }

    /// For ever: it changes something that does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::forever(Code::NotFound, message)
    }

    /// For ever: this user may not do this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::forever(Code::Forbidden, message)
    }

    /// For ever: no mutation has this name.
    pub(super) fn unknown_mutation() -> Self {
        Self::forever(Code::UnknownMutation, "no mutation has this name")
    }

    /// For now: the client tries again.
    pub fn temporary(message: impl Into<String>) -> Self {
        Self { code: None, message: message.into() }
    }

    /// For ever, by the text of a code; none unless it is a permanent one.
    pub(crate) fn by_code(code: &str, message: &str) -> Option<Self> {
        Code::parse(code).filter(|code| code.is_permanent()).map(|code| Self::forever(code, message))
    }

    /// What is wrong with a code that none has.
    pub(crate) fn no_code(code: &str) -> String {
        format!(
            "{code:?} refuses nothing for ever: use conflict, invalid_mutation, not_found, forbidden or \
             unknown_mutation, or fail() for a temporary failure"
        )
    }
}

/// What a test gave for a custom mutation.
pub type Custom = dyn Fn(&mut Transaction) -> Result<(), Refusal> + Send + Sync;

/// What is done with a mutation of some name.
#[derive(Clone)]
pub enum Rule {
    /// Nothing.
    Refuse(Refusal),
    /// This.
    Run(Arc<Custom>),
}

/// The rules, by names. A refusal and a custom mutation may be there for the same name: the refusal comes first.
#[derive(Default)]
pub struct Rules {
    refusals: HashMap<String, Refusal>,
    custom: HashMap<String, Arc<Custom>>,
}

impl Rules {
    pub fn refuse(&mut self, name: &str, refusal: Refusal) {
        self.refusals.insert(name.to_owned(), refusal);
    }

    pub fn accept(&mut self, name: &str) {
        self.refusals.remove(name);
    }

    /// Gives what was there before.
    #[must_use]
    pub fn define(&mut self, name: &str, custom: Arc<Custom>) -> Option<Arc<Custom>> {
        self.custom.insert(name.to_owned(), custom)
    }

    pub fn find(&self, name: &str) -> Option<Rule> {
        if let Some(refusal) = self.refusals.get(name) {
            return Some(Rule::Refuse(refusal.clone()));
        }
        self.custom.get(name).map(|custom| Rule::Run(Arc::clone(custom)))
    }
}
