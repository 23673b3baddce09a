//! What is asked of a collection: conditions, an order, a part.

use mizu_sync::{Field, Filter, Query, Scalar, field};
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::step::Step;

/// The arguments of a query.
pub struct Asked {
    filters: Vec<Filter>,
    order: Vec<String>,
    limit: Option<u64>,
    offset: Option<u64>,
}

impl Asked {
    pub fn take(step: &mut Step) -> Outcome<Self> {
        Ok(Self {
            filters: step.list("where")?.iter().map(filter).collect::<Outcome<_>>()?,
            order: step.texts("order")?,
            limit: step.optional_number("limit")?,
            offset: step.optional_number("offset")?,
        })
    }

    /// Whether it asks for everything.
    pub fn is_all(&self) -> bool {
        self.filters.is_empty() && self.order.is_empty() && self.limit.is_none() && self.offset.is_none()
    }

    pub fn apply<T>(&self, mut query: Query<T>) -> Query<T> {
        for filter in &self.filters {
            query = query.filter(filter.clone());
        }
        for order in &self.order {
            query = match order.strip_prefix('-') {
                Some(descending) => query.order_by(path(descending).desc()),
                None => query.order_by(path(order).asc()),
            };
        }
        if let Some(limit) = self.limit {
            query = query.limit(limit);
        }
        self.offset.map_or(query.clone(), |offset| query.offset(offset))
    }
}

/// The field at the end of a path such as `address.city`.
fn path(text: &str) -> Field {
    let mut names = text.split('.');
    let first = field(names.next().unwrap_or_default());
    names.fold(first, Field::field)
}

fn filter(json: &Value) -> Outcome<Filter> {
    let wrong = || Failure::Wrong(format!("{json} is no condition"));
    if let Value::Object(fields) = json {
        let (operator, parts) = fields.iter().next().filter(|_| fields.len() == 1).ok_or_else(wrong)?;
        let all = |parts: &Value| {
            parts.as_array().ok_or_else(wrong)?.iter().map(filter).collect::<Outcome<Vec<_>>>()
        };
        return match operator.as_str() {
            "not" => Ok(!filter(parts)?),
            "all" => all(parts)?.into_iter().reduce(Filter::and).ok_or_else(wrong),
            "any" => all(parts)?.into_iter().reduce(Filter::or).ok_or_else(wrong),
            _ => Err(wrong()),
        };
    }
    let parts = json.as_array().ok_or_else(wrong)?;
    let [Value::String(name), Value::String(operator), rest @ ..] = parts.as_slice() else {
        return Err(wrong());
    };
    let field = path(name);
    match (operator.as_str(), rest) {
        ("eq", [value]) => Ok(field.eq(scalar(value)?)),
        ("ne", [value]) => Ok(field.ne(scalar(value)?)),
        ("lt", [value]) => Ok(field.lt(scalar(value)?)),
        ("le", [value]) => Ok(field.le(scalar(value)?)),
        ("gt", [value]) => Ok(field.gt(scalar(value)?)),
        ("ge", [value]) => Ok(field.ge(scalar(value)?)),
        ("in", [Value::Array(values)]) => {
            Ok(field.is_in(values.iter().map(scalar).collect::<Outcome<Vec<_>>>()?))
        }
        ("prefix", [Value::String(beginning)]) => Ok(field.prefix(beginning)),
        ("is_null", []) => Ok(field.is_null()),
        _ => Err(wrong()),
    }
}

fn scalar(json: &Value) -> Outcome<Scalar> {
    match json {
        Value::Null => Ok(Scalar::Null),
        Value::Bool(value) => Ok(Scalar::Bool(*value)),
        Value::String(text) => Ok(Scalar::Text(text.clone())),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(Scalar::Int(whole)),
            (None, Some(float)) => Ok(Scalar::Float(float)),
            (None, None) => Err(Failure::Wrong(format!("{number} is too large"))),
        },
        Value::Array(_) | Value::Object(_) => Err(Failure::Wrong(format!("{json} cannot be compared with"))),
    }
}
