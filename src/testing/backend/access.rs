//! Who may do what.

use std::collections::BTreeSet;

/// The tokens and the scopes.
#[derive(Default)]
pub struct Access {
    tokens: Tokens,
    forbidden: BTreeSet<String>,
}

#[derive(Default)]
enum Tokens {
    /// Everybody is let in.
    #[default]
    Any,
    Only(String),
    /// Those that were known have expired.
    None,
}

impl Access {
    pub fn require(&mut self, token: &str) {
        self.tokens = Tokens::Only(token.to_owned());
    }

    pub fn expire(&mut self) {
        self.tokens = Tokens::None;
    }

    pub fn forbid(&mut self, scope: &str) {
        self.forbidden.insert(scope.to_owned());
    }

    pub fn allow(&mut self, scope: &str) {
        self.forbidden.remove(scope);
    }

    pub fn knows(&self, token: Option<&str>) -> bool {
        match &self.tokens {
            Tokens::Any => true,
            Tokens::Only(known) => token == Some(known),
            Tokens::None => false,
        }
    }

    pub fn allows(&self, scope: &str) -> bool {
        !self.forbidden.contains(scope)
    }
}
