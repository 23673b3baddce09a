//! One step: its name, and arguments that are taken one by one, so that what nobody takes is noticed.

use std::mem;

use serde_json::{Map, Value};

use crate::failure::{Failure, Outcome};

/// A step, with its variables filled in.
#[derive(Clone)]
pub struct Step {
    pub name: String,
    arguments: Map<String, Value>,
}

impl Step {
    /// Reads a step. `variable` gives what a variable holds; what runs later has its own filled in then.
    pub fn new(json: &Value, variable: &dyn Fn(&str) -> Option<Value>) -> Outcome<Self> {
        let Value::Object(fields) = json else { return wrong(format!("a step is an object, not {json}")) };
        let mut arguments = Map::new();
        for (key, value) in fields {
            let runs_later = ["steps", "when", "writes", "expect"];
            let value =
                if runs_later.contains(&key.as_str()) { value.clone() } else { filled(value, variable)? };
            arguments.insert(key.clone(), value);
        }
        let mut step = Self { name: String::new(), arguments };
        step.name = step.text("do")?;
        Ok(step)
    }

    /// An argument that may be left out.
    pub fn optional(&mut self, key: &str) -> Option<Value> {
        self.arguments.remove(key)
    }

    pub fn value(&mut self, key: &str) -> Outcome<Value> {
        self.optional(key).ok_or_else(|| Failure::Wrong(format!("{} needs {key:?}", self.name)))
    }

    pub fn text(&mut self, key: &str) -> Outcome<String> {
        match self.value(key)? {
            Value::String(text) => Ok(text),
            other => self.wants(key, "a text", &other),
        }
    }

    pub fn optional_text(&mut self, key: &str) -> Outcome<Option<String>> {
        if self.arguments.contains_key(key) { self.text(key).map(Some) } else { Ok(None) }
    }

    pub fn number(&mut self, key: &str) -> Outcome<u64> {
        let value = self.value(key)?;
        value.as_u64().map_or_else(|| self.wants(key, "a whole number from 0", &value), Ok)
    }

    pub fn optional_number(&mut self, key: &str) -> Outcome<Option<u64>> {
        if self.arguments.contains_key(key) { self.number(key).map(Some) } else { Ok(None) }
    }

    /// A truth value; `false` where it is left out.
    pub fn flag(&mut self, key: &str) -> Outcome<bool> {
        match self.optional(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => self.wants(key, "true or false", &other),
        }
    }

    /// A list; empty where it is left out.
    pub fn list(&mut self, key: &str) -> Outcome<Vec<Value>> {
        match self.optional(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => self.wants(key, "a list", &other),
        }
    }

    /// A list of texts; empty where it is left out.
    pub fn texts(&mut self, key: &str) -> Outcome<Vec<String>> {
        let list = self.list(key)?;
        let texts = list.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<_>>();
        texts.map_or_else(|| self.wants(key, "a list of texts", &Value::Array(list)), Ok)
    }

    /// An object; empty where it is left out.
    pub fn object(&mut self, key: &str) -> Outcome<Map<String, Value>> {
        match self.optional(key) {
            None => Ok(Map::new()),
            Some(Value::Object(fields)) => Ok(fields),
            Some(other) => self.wants(key, "an object", &other),
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.arguments.contains_key(key)
    }

    /// The whole of it, of which nothing is left here.
    pub fn take(&mut self) -> Self {
        Self { name: self.name.clone(), arguments: mem::take(&mut self.arguments) }
    }

    /// That every argument was taken.
    pub fn end(self) -> Outcome<()> {
        match self.arguments.keys().next() {
            None => Ok(()),
            Some(key) => wrong(format!("{} does not know {key:?}", self.name)),
        }
    }

    fn wants<T>(&self, key: &str, what: &str, found: &Value) -> Outcome<T> {
        wrong(format!("{key:?} of {} is to be {what}, not {found}", self.name))
    }
}

fn wrong<T>(text: String) -> Outcome<T> {
    Err(Failure::Wrong(text))
}

/// The same with `${name}` replaced in all texts: by the value itself where the text is nothing else.
fn filled(value: &Value, variable: &dyn Fn(&str) -> Option<Value>) -> Outcome<Value> {
    Ok(match value {
        Value::String(text) => filled_text(text, variable)?,
        Value::Array(list) => {
            Value::Array(list.iter().map(|value| filled(value, variable)).collect::<Outcome<_>>()?)
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| Ok((key.clone(), filled(value, variable)?)));
            Value::Object(fields.collect::<Outcome<_>>()?)
        }
        other => other.clone(),
    })
}

fn filled_text(text: &str, variable: &dyn Fn(&str) -> Option<Value>) -> Outcome<Value> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once("${") {
        let Some((name, after)) = from.split_once('}') else { return wrong(format!("{text:?} has no }}")) };
        let Some(value) = variable(name) else { return wrong(format!("nothing is kept as {name:?}")) };
        if before.is_empty() && after.is_empty() && filled.is_empty() {
            return Ok(value);
        }
        filled.push_str(before);
        match value {
            Value::String(text) => filled.push_str(&text),
            other => filled.push_str(&other.to_string()),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled.into())
}
