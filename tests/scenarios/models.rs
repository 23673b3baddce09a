//! The app's classes. Rows go through them, so that typed values are tested and not JSON.

use mizu_sync::{Client, Collection, Edits, Query, Row, RowChange, RowsUpdate, Subscription};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Outcome};
use crate::queries::Asked;

#[derive(Serialize, Deserialize)]
struct Todo {
    title: String,
    #[serde(default)]
    done: bool,
}

/// What a newer version of the app has: a field more.
#[derive(Serialize, Deserialize)]
struct DatedTodo {
    title: String,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    due: Option<String>,
}

/// What an older version of the app had: another name for the title.
#[derive(Serialize, Deserialize)]
struct OldTodo {
    text: String,
    #[serde(default)]
    done: bool,
}

#[derive(Serialize, Deserialize)]
struct Account {
    cents: i64,
}

#[derive(Serialize, Deserialize)]
struct Place {
    name: String,
    address: Address,
}

#[derive(Serialize, Deserialize)]
struct Address {
    city: String,
}

/// A value of each kind that JSON has.
#[derive(Serialize, Deserialize)]
struct Sample {
    whole: i64,
    ratio: f64,
    text: String,
    tags: Vec<String>,
    #[serde(default)]
    note: Option<String>,
}

/// A collection of the class of this name.
pub fn collection(client: &Client, class: &str, name: &str) -> Outcome<Box<dyn Rows>> {
    Ok(match class {
        "Todo" => Box::new(client.collection::<Todo>(name)),
        "DatedTodo" => Box::new(client.collection::<DatedTodo>(name)),
        "OldTodo" => Box::new(client.collection::<OldTodo>(name)),
        "Account" => Box::new(client.collection::<Account>(name)),
        "Place" => Box::new(client.collection::<Place>(name)),
        "Sample" => Box::new(client.collection::<Sample>(name)),
        _ => return Err(Failure::Wrong(format!("there is no class {class:?}"))),
    })
}

/// The class of a collection for which a device has none of its own.
pub fn usual_class(collection: &str) -> Outcome<&'static str> {
    match collection {
        "todo" => Ok("Todo"),
        "account" => Ok("Account"),
        "place" => Ok("Place"),
        "sample" => Ok("Sample"),
        _ => Err(Failure::Wrong(format!("no class belongs to {collection:?}"))),
    }
}

/// Brings an [`OldTodo`] to a [`Todo`]: version 2 of the model.
pub fn upcast_todo(fields: &mut Map<String, Value>) {
    if let Some(text) = fields.remove("text") {
        fields.insert("title".to_owned(), text);
    }
}

/// A collection of some class, whose values are JSON outside.
pub trait Rows {
    fn get(&self, id: &str) -> Outcome<Value>;
    fn row(&self, id: &str) -> Outcome<Value>;
    fn has(&self, id: &str) -> Outcome<Value>;
    fn all(&self) -> Outcome<Value>;
    fn find(&self, equal: &Map<String, Value>) -> Outcome<Value>;
    fn count(&self, asked: &Asked) -> Outcome<Value>;
    fn query(&self, asked: &Asked) -> Outcome<Value>;
    fn first(&self, asked: &Asked) -> Outcome<Value>;
    fn ids(&self, asked: &Asked) -> Outcome<Value>;

    fn create(&self, id: &str, value: Value) -> Outcome<Value>;
    fn add(&self, value: Value) -> Outcome<Value>;
    fn set(&self, id: &str, value: Value) -> Outcome<Value>;
    fn update(&self, id: &str, change: &Map<String, Value>) -> Outcome<Value>;
    fn delete(&self, id: &str) -> Outcome<Value>;

    fn get_in(&self, edits: &Edits<'_>, id: &str) -> Outcome<Value>;
    fn create_in(&self, edits: &mut Edits<'_>, id: &str, value: Value) -> Outcome<Value>;
    fn add_in(&self, edits: &mut Edits<'_>, value: Value) -> Outcome<Value>;
    fn set_in(&self, edits: &mut Edits<'_>, id: &str, value: Value) -> Outcome<Value>;
    fn update_in(&self, edits: &mut Edits<'_>, id: &str, change: &Map<String, Value>) -> Outcome<Value>;
    fn delete_in(&self, edits: &mut Edits<'_>, id: &str) -> Outcome<Value>;

    fn watch_row(&self, id: &str, tell: Tell) -> Subscription;
    fn watch_query(&self, asked: &Asked, tell: Tell) -> Subscription;
    fn watch_changes(&self, asked: &Asked, tell: Tell) -> Subscription;
}

/// Is told of the values that somebody watches.
pub type Tell = Box<dyn FnMut(Value) + Send>;

impl<T: Serialize + DeserializeOwned + Send + 'static> Rows for Collection<T> {
    fn get(&self, id: &str) -> Outcome<Value> {
        Ok(json!(Collection::get(self, id).get()?))
    }

    fn row(&self, id: &str) -> Outcome<Value> {
        Ok(Collection::row(self, id)?.map_or(Value::Null, row))
    }

    fn has(&self, id: &str) -> Outcome<Value> {
        Ok(Collection::has(self, id)?.into())
    }

    fn all(&self) -> Outcome<Value> {
        Ok(Collection::all(self)?.into_iter().map(row).collect())
    }

    fn find(&self, equal: &Map<String, Value>) -> Outcome<Value> {
        let wanted = |value: &T| {
            let value = json!(value);
            equal.iter().all(|(name, equal)| value.get(name) == Some(equal))
        };
        Ok(Collection::find(self, wanted)?.into_iter().map(row).collect())
    }

    fn count(&self, asked: &Asked) -> Outcome<Value> {
        let count = if asked.is_all() { Collection::count(self)? } else { narrowed(self, asked).count()? };
        Ok(count.into())
    }

    fn query(&self, asked: &Asked) -> Outcome<Value> {
        Ok(narrowed(self, asked).all()?.into_iter().map(row).collect())
    }

    fn first(&self, asked: &Asked) -> Outcome<Value> {
        Ok(narrowed(self, asked).first()?.map_or(Value::Null, row))
    }

    fn ids(&self, asked: &Asked) -> Outcome<Value> {
        Ok(narrowed(self, asked).all()?.into_iter().map(|row| Value::String(row.id)).collect())
    }

    fn create(&self, id: &str, value: Value) -> Outcome<Value> {
        Ok(Collection::create(self, id, typed(value)?)?.id().into())
    }

    fn add(&self, value: Value) -> Outcome<Value> {
        Ok(Collection::add(self, typed(value)?)?.id().into())
    }

    fn set(&self, id: &str, value: Value) -> Outcome<Value> {
        Collection::get(self, id).set(typed(value)?)?;
        Ok(Value::Null)
    }

    fn update(&self, id: &str, change: &Map<String, Value>) -> Outcome<Value> {
        let mut result = Ok(());
        Collection::get(self, id).update(|value| result = changed(value, change))?;
        result.map(|()| Value::Null)
    }

    fn delete(&self, id: &str) -> Outcome<Value> {
        Collection::get(self, id).delete()?;
        Ok(Value::Null)
    }

    fn get_in(&self, edits: &Edits<'_>, id: &str) -> Outcome<Value> {
        Ok(json!(edits.get(self, id)?))
    }

    fn create_in(&self, edits: &mut Edits<'_>, id: &str, value: Value) -> Outcome<Value> {
        edits.create(self, id, &typed(value)?)?;
        Ok(Value::Null)
    }

    fn add_in(&self, edits: &mut Edits<'_>, value: Value) -> Outcome<Value> {
        Ok(edits.add(self, &typed(value)?)?.into())
    }

    fn set_in(&self, edits: &mut Edits<'_>, id: &str, value: Value) -> Outcome<Value> {
        edits.set(self, id, &typed(value)?)?;
        Ok(Value::Null)
    }

    fn update_in(&self, edits: &mut Edits<'_>, id: &str, change: &Map<String, Value>) -> Outcome<Value> {
        let mut result = Ok(());
        edits.update(self, id, |value| result = changed(value, change))?;
        result.map(|()| Value::Null)
    }

    fn delete_in(&self, edits: &mut Edits<'_>, id: &str) -> Outcome<Value> {
        edits.delete(self, id)?;
        Ok(Value::Null)
    }

    fn watch_row(&self, id: &str, mut tell: Tell) -> Subscription {
        Collection::get(self, id).subscribe(move |found| tell(found.map_or(Value::Null, row)))
    }

    fn watch_query(&self, asked: &Asked, mut tell: Tell) -> Subscription {
        let mut list = Vec::new();
        narrowed(self, asked).subscribe(move |update| {
            update.apply(&mut list);
            tell(
                list.iter()
                    .map(|row: &Row<T>| row_of(&row.id, &row.value, row.pending, row.rejected))
                    .collect(),
            );
        })
    }

    fn watch_changes(&self, asked: &Asked, mut tell: Tell) -> Subscription {
        narrowed(self, asked).subscribe(move |update| {
            tell(match update {
                RowsUpdate::All { rows, .. } => {
                    json!({ "all": rows.into_iter().map(row).collect::<Vec<_>>() })
                }
                RowsUpdate::Changes { changes, .. } => {
                    json!({ "changes": changes.into_iter().map(change).collect::<Vec<_>>() })
                }
            });
        })
    }
}

fn narrowed<T>(collection: &Collection<T>, asked: &Asked) -> Query<T> {
    asked.apply(collection.query())
}

fn row<T: Serialize>(row: Row<T>) -> Value {
    row_of(&row.id, &row.value, row.pending, row.rejected)
}

/// A row, with the marks that it has.
fn row_of<T: Serialize>(id: &str, value: &T, pending: bool, rejected: bool) -> Value {
    let mut json = json!({ "id": id, "value": value });
    for (mark, is_set) in [("pending", pending), ("rejected", rejected)] {
        if is_set {
            json[mark] = true.into();
        }
    }
    json
}

fn change<T: Serialize>(change: RowChange<T>) -> Value {
    match change {
        RowChange::Removed { index } => json!({ "removed": index }),
        RowChange::Inserted { index, row: new } => json!({ "inserted": index, "row": row(new) }),
        RowChange::Updated { index, row: new } => json!({ "updated": index, "row": row(new) }),
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> Outcome<T> {
    serde_json::from_value(value)
        .map_err(|error| Failure::Wrong(format!("a value has another class: {error}")))
}

/// Gives a value other fields.
fn changed<T: Serialize + DeserializeOwned>(value: &mut T, change: &Map<String, Value>) -> Outcome<()> {
    let mut fields = json!(value);
    for (name, field) in change {
        fields[name] = field.clone();
    }
    *value = typed(fields)?;
    Ok(())
}
