//! Entities of older versions of the app's model, brought to the newest when they are read.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::model::{EntityKey, Object};

/// The field in which an entity says of which version of the model it is. One without it is of version 1.
pub const VERSION_FIELD: &str = "$version";

/// Brings the fields of an entity from one version of the model to the next.
type Change = dyn Fn(&mut Map<String, Value>) + Send + Sync;

/// What leads from each version of a collection's model to the newest.
#[derive(Clone, Default)]
pub struct Upcasters(HashMap<String, Vec<Step>>);

#[derive(Clone)]
struct Step {
    /// The version that it leads to.
    to: u32,
    change: Arc<Change>,
}

/// What is different between an entity as it is stored and as the newest version of the model has it.
pub struct Upcast {
    pub set: Object,
    pub unset: Vec<String>,
}

impl Upcasters {
    /// Adds the step that leads to version `to`.
    pub fn add(&mut self, collection: &str, to: u32, change: Arc<Change>) {
        let steps = self.0.entry(collection.to_owned()).or_default();
        steps.push(Step { to, change });
        steps.sort_by_key(|step| step.to);
    }

    /// Whether a step leads to where everything is already.
    pub fn has_idle_steps(&self) -> bool {
        self.0.values().flatten().any(|step| step.to < 2)
    }

    /// The newest version of a collection's model, where it has versions.
    pub fn newest(&self, collection: &str) -> Option<u32> {
        self.0.get(collection)?.last().map(|step| step.to)
    }

    /// What brings an entity to the newest version; `None` where it is of that one, or of a later one of a newer app.
    pub fn upcast(&self, key: &EntityKey, data: &Object) -> Option<Upcast> {
        let steps = self.0.get(&key.collection)?;
        let before: Map<String, Value> = serde_json::from_str(data.as_str()).ok()?;
        let version = match before.get(VERSION_FIELD) {
            None => 1.0,
            // Some JSON has no other numbers than floats. What is no number is not of ours.
            Some(version) => version.as_f64()?,
        };
        let mut after = before.clone();
        let mut reached = None;
        for step in steps.iter().filter(|step| f64::from(step.to) > version) {
            (step.change)(&mut after);
            reached = Some(step.to);
        }
        after.insert(VERSION_FIELD.to_owned(), reached?.into());
        // Of the others the very bytes stay, which a number of many digits needs.
        let unset = before.keys().filter(|name| !after.contains_key(*name)).cloned().collect();
        after.retain(|name, value| before.get(name) != Some(value));
        Some(Upcast { set: Object::from_value(&after).ok().flatten()?, unset })
    }
}

impl fmt::Debug for Upcasters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let newest = self.0.keys().map(|collection| (collection, self.newest(collection)));
        f.debug_map().entries(newest).finish()
    }
}
