//! Business logic: what a mutation does.

use std::borrow::Cow;

use mizu_sync_protocol::Code;
use thiserror::Error;

use crate::mutation_context::MutationContext;

/// Applies mutations.
///
/// ```
/// use mizu_sync_server::{Crud, Failure, MutationContext, Mutator, Rejection};
///
/// /// Closes a ticket, if its owner asks; leaves the rest to the generic mutations.
/// struct Tickets;
///
/// impl Mutator for Tickets {
///     fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
///         if context.mutation().name != "ticket.close" {
///             return Crud.apply(context);
///         }
///         let id: String = context.args()?;
///         let mut ticket: serde_json::Value =
///             context.get_as("ticket", &id)?.ok_or_else(|| Rejection::not_found("no such ticket"))?;
///         if ticket["owner"] != context.principal().as_str() {
///             return Err(Rejection::forbidden("only its owner closes a ticket").into());
///         }
///         ticket["open"] = false.into();
///         context.put_as("ticket", &id, &ticket)
///     }
/// }
/// ```
pub trait Mutator: Send + Sync {
    /// Applies one mutation through `context`, in the transaction of its batch. What it did is undone if it
    /// returns an error or panics. It must not wait for anything: the whole server's writing waits for it.
    ///
    /// # Errors
    /// A [`Rejection`] is the mutation's outcome for ever; [`Failure::Temporary`] makes the client try again.
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure>;
}

/// Why a mutation was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// It never will be.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// It may be when it is sent again. The text is for a person.
    #[error("{0}")]
    Temporary(String),
}

/// A mutation that is refused for ever, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Rejection {
    code: Code,
    message: Cow<'static, str>,
}

impl Rejection {
    /// It contradicts what is stored: it creates an id that exists, for instance. The texts here and below are
    /// for a person.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Conflict, message: message.into() }
    }

    /// Its arguments are wrong or too large.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::InvalidMutation, message: message.into() }
    }

    /// It changes something that does not exist.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::NotFound, message: message.into() }
    }

    /// This user may not do this.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Forbidden, message: message.into() }
    }

    /// No mutation has this name.
    pub fn unknown_mutation(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::UnknownMutation, message: message.into() }
    }

    /// Its code on the wire, always a permanent one.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// Why, for a person.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn into_message(self) -> String {
        self.message.into_owned()
    }

    /// What go-mizu's server says instead of the code, if it has words for it.
    pub(crate) fn plain_error(&self) -> Option<&'static str> {
        match self.code {
            Code::UnknownMutation => Code::InvalidMutation.plain_error(),
            code => code.plain_error(),
        }
    }

    pub(crate) fn stored(code: &str, message: String) -> Option<Self> {
        let code = Code::parse(code).filter(|code| code.is_permanent())?;
        Some(Self { code, message: message.into() })
    }
}
