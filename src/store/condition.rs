//! Conditions of queries, as SQL.
//!
//! A condition holds or does not: SQL's third truth, null, is as good as false wherever it can come up, and is made
//! false where it is negated. Comparisons are written so that an index on the field serves them.

use rusqlite::types::Value;

use crate::model::{Comparison, Condition, Field, Filter, Scalar};

/// SQL with the values that are bound to its parameters.
#[derive(Default)]
pub struct Clause {
    pub sql: String,
    pub values: Vec<Value>,
}

/// The value of a field of the row's `data`. Indexes are made of the same text.
pub fn field(field: &Field) -> String {
    // A name is quoted as JSON quotes it, and the whole path as SQL does.
    let quoted = field.path().iter().map(|name| serde_json::to_string(name).unwrap_or_default());
    let path = quoted.fold("$".to_owned(), |path, name| path + "." + &name);
    format!("json_extract(data, {})", quote(&path))
}

/// A text as a literal.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Clause {
    /// Adds a condition.
    pub fn filter(&mut self, filter: &Filter) {
        match &filter.0 {
            Condition::Compare(by, comparison, value) => self.compare(by, *comparison, value),
            Condition::In(by, values) => self.is_in(by, values),
            Condition::Prefix(by, beginning) => self.prefix(by, beginning),
            Condition::All(parts) => self.join(parts, " AND "),
            Condition::Any(parts) => self.join(parts, " OR "),
            Condition::Not(part) => {
                self.push("NOT ifnull(");
                self.filter(part);
                self.push(", 0)");
            }
        }
    }

    /// Adds text.
    pub fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// Adds a value.
    pub fn bind(&mut self, value: Value) {
        self.values.push(value);
        self.sql.push('?');
        self.sql.push_str(&self.values.len().to_string());
    }

    fn compare(&mut self, by: &Field, comparison: Comparison, value: &Scalar) {
        let field = field(by);
        let operator = match (comparison, value) {
            (Comparison::Eq, Scalar::Null) => return self.push(&format!("{field} IS NULL")),
            (Comparison::Ne, Scalar::Null) => return self.push(&format!("{field} IS NOT NULL")),
            // It is equal to nothing, and SQLite has no such number.
            (Comparison::Ne, Scalar::Float(number)) if number.is_nan() => return self.push("1"),
            (_, Scalar::Float(number)) if number.is_nan() => return self.push("0"),
            // Nothing is less or greater than nothing.
            (_, Scalar::Null) => return self.push("0"),
            (Comparison::Eq, _) => "=",
            (Comparison::Ne, _) => "IS NOT",
            (Comparison::Lt, _) => "<",
            (Comparison::Le, _) => "<=",
            (Comparison::Gt, _) => ">",
            (Comparison::Ge, _) => ">=",
        };
        self.push(&format!("({field} {operator} "));
        self.bind(bound(value));
        // In SQLite's order every text is greater than every number.
        match (comparison, value) {
            (Comparison::Lt | Comparison::Le, Scalar::Text(_)) => self.push(&format!(" AND {field} >= ''")),
            (Comparison::Gt | Comparison::Ge, Scalar::Text(_)) => {}
            (Comparison::Gt | Comparison::Ge, _) => self.push(&format!(" AND {field} < ''")),
            _ => {}
        }
        self.push(")");
    }

    fn is_in(&mut self, by: &Field, values: &[Scalar]) {
        let field = field(by);
        self.push(&format!("({field} IN ("));
        for (place, value) in values.iter().filter(|value| **value != Scalar::Null).enumerate() {
            if place > 0 {
                self.push(", ");
            }
            self.bind(bound(value));
        }
        self.push(")");
        if values.contains(&Scalar::Null) {
            self.push(&format!(" OR {field} IS NULL"));
        }
        self.push(")");
    }

    fn prefix(&mut self, by: &Field, beginning: &str) {
        let field = field(by);
        self.push(&format!("({field} >= "));
        self.bind(Value::Text(beginning.to_owned()));
        if let Some(end) = after_all_with(beginning) {
            self.push(&format!(" AND {field} < "));
            self.bind(Value::Text(end));
        }
        self.push(")");
    }

    fn join(&mut self, parts: &[Filter], word: &str) {
        self.push("(");
        for (place, part) in parts.iter().enumerate() {
            if place > 0 {
                self.push(word);
            }
            self.filter(part);
        }
        self.push(")");
    }
}

/// How JSON's values are seen by SQLite.
fn bound(value: &Scalar) -> Value {
    match value {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Integer((*value).into()),
        Scalar::Int(value) => Value::Integer(*value),
        Scalar::Float(value) => Value::Real(*value),
        Scalar::Text(value) => Value::Text(value.clone()),
    }
}

/// The least text that is greater than all that begin so; none where there is no greater one.
fn after_all_with(beginning: &str) -> Option<String> {
    let mut end = beginning.to_owned();
    while let Some(last) = end.pop() {
        // The code points between are none of a text's.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(last as u32 + 1) };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_so_ends_before_the_next_code_point() {
        for (beginning, end) in [
            ("ab", Some("ac")),
            ("a\u{10ffff}", Some("b")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("\u{7f}", Some("\u{80}")),
            ("\u{10ffff}\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(after_all_with(beginning).as_deref(), end, "{beginning:?}");
        }
    }
}
