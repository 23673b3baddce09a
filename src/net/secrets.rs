//! What is known to nobody but this client and its server, kept out of what the server says.

/// What stands where a secret stood.
const CONCEALED: &str = "…";

/// A secret of as many characters is concealed wherever it stands. A shorter one only where it is a word of its own:
/// within others it stands by chance, and the gaps that it would leave there would tell it.
const LONG: usize = 8;

/// Texts to be concealed.
pub(super) struct Secrets<'a>(Vec<&'a str>);

impl<'a> Secrets<'a> {
    /// With each value its long words are secret too: behind `Basic`, for instance.
    pub(super) fn of(values: impl Iterator<Item = &'a str>) -> Self {
        let mut secrets: Vec<&str> = values
            .flat_map(|value| {
                let words = value.split_whitespace().filter(|word| is_long(word));
                std::iter::once(value.trim()).chain(words)
            })
            .filter(|secret| !secret.is_empty())
            .collect();
        // One that holds another first: of the other nothing is left then.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// The text without them.
    pub(super) fn conceal(&self, text: String) -> String {
        self.0.iter().fold(
            text,
            |text, secret| {
                if text.contains(secret) { without(&text, secret) } else { text }
            },
        )
    }
}

fn is_long(secret: &str) -> bool {
    secret.chars().nth(LONG - 1).is_some()
}

fn without(text: &str, secret: &str) -> String {
    let long = is_long(secret);
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(secret) {
        result.push_str(before);
        let inside = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let word = !inside(result.chars().next_back()) && !inside(after.chars().next());
        result.push_str(if long || word { CONCEALED } else { secret });
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secrets: &[&str], text: &str, concealed: &str) {
        let secrets = Secrets::of(secrets.iter().copied());
        assert_eq!(secrets.conceal(text.to_owned()), concealed);
    }

    #[test]
    fn a_secret_is_concealed_wherever_it_stands() {
        check(&["canary-1"], "canary-1", "…");
        check(&["canary-1"], "the token 'canary-1' (xcanary-1x) canary-", "the token '…' (x…x) canary-");
        check(&["canary-1", "canary-1-longer"], "canary-1-longer canary-1", "… …");
        check(&["Basic canary-12"], "Basic canary-12, and canary-12", "…, and …");
        check(&["канарейка"], "«канарейка»", "«…»");
    }

    #[test]
    fn a_short_one_is_concealed_as_a_word_only() {
        check(&["7"], "7 of 17 rows, not '7'", "… of 17 rows, not '…'");
        check(&["abc"], "abc, abcd, xabc, (abc)", "…, abcd, xabc, (…)");
    }

    #[test]
    fn without_a_secret_nothing_is_concealed() {
        check(&[], "all well", "all well");
        check(&["", "  "], "all well", "all well");
    }
}
