//! What a query asks for: fields, conditions, an order. Plain data; what it means in SQL is the store's business.

use std::ops::Not;

/// A field of an entity, by the names that lead to it. [`field`] makes one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(Vec<String>);

/// The field of this name, at the top of an entity. Any name will do: it is quoted.
///
/// ```
/// use mizu_sync::field;
///
/// let open = field("done").eq(false).and(field("title").prefix("Buy "));
/// let nearby = field("address").field("city").is_in(["Hanoi", "Hue"]);
/// let either = open.or(nearby);
/// # drop(either);
/// ```
pub fn field(name: impl Into<String>) -> Field {
    Field(vec![name.into()])
}

impl Field {
    /// The field of this name inside of this one.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.0.push(name.into());
        self
    }

    /// The names that lead to it, from the top.
    pub(crate) fn path(&self) -> &[String] {
        &self.0
    }

    /// It has this value. `None` is as [`Field::is_null`].
    pub fn eq(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::Eq, value)
    }

    /// It has another value, or none.
    pub fn ne(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::Ne, value)
    }

    /// It is less: of numbers by value, of texts by their code points. What is of another kind is not compared.
    pub fn lt(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::Lt, value)
    }

    /// It is less or equal, see [`Field::lt`].
    pub fn le(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::Le, value)
    }

    /// It is greater, see [`Field::lt`].
    pub fn gt(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::Gt, value)
    }

    /// It is greater or equal, see [`Field::lt`].
    pub fn ge(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::Ge, value)
    }

    /// It has one of these values.
    pub fn is_in<V: Into<Scalar>>(self, values: impl IntoIterator<Item = V>) -> Filter {
        Filter(Condition::In(self, values.into_iter().map(Into::into).collect()))
    }

    /// It is a text that begins so. Upper and lower case differ.
    pub fn prefix(self, beginning: impl Into<String>) -> Filter {
        Filter(Condition::Prefix(self, beginning.into()))
    }

    /// It is `null`, or not there.
    pub fn is_null(self) -> Filter {
        self.eq(Scalar::Null)
    }

    /// From the least to the greatest.
    #[must_use]
    pub fn asc(self) -> Order {
        Order { field: self, descending: false }
    }

    /// From the greatest to the least.
    #[must_use]
    pub fn desc(self) -> Order {
        Order { field: self, descending: true }
    }

    fn compare(self, comparison: Comparison, value: impl Into<Scalar>) -> Filter {
        Filter(Condition::Compare(self, comparison, value.into()))
    }
}

impl From<&str> for Field {
    fn from(name: &str) -> Self {
        field(name)
    }
}

impl From<String> for Field {
    fn from(name: String) -> Self {
        field(name)
    }
}

/// A condition on an entity: made by the functions of [`Field`], joined by [`Filter::and`], [`Filter::or`] and `!`.
///
/// A condition holds or does not, there is nothing between: where a field is missing, [`Field::ne`] holds, and every
/// other comparison but with null does not. JSON's `true` and `false` count as the numbers 1 and 0, and a field that is
/// an object or an array as its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(pub(crate) Condition);

/// What a [`Filter`] is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Compare(Field, Comparison, Scalar),
    In(Field, Vec<Scalar>),
    Prefix(Field, String),
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Filter {
    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self.0 {
            Condition::All(mut all) => {
                all.push(other);
                Self(Condition::All(all))
            }
            _ => Self(Condition::All(vec![self, other])),
        }
    }

    /// One of them holds, or both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self.0 {
            Condition::Any(mut any) => {
                any.push(other);
                Self(Condition::Any(any))
            }
            _ => Self(Condition::Any(vec![self, other])),
        }
    }

    /// How many values it compares with.
    pub(crate) fn values(&self) -> usize {
        match &self.0 {
            Condition::Compare(..) => 1,
            Condition::In(_, values) => values.len(),
            Condition::Prefix(..) => 2,
            Condition::All(parts) | Condition::Any(parts) => parts.iter().map(Self::values).sum(),
            Condition::Not(part) => part.values(),
        }
    }

    /// How many conditions it is made of.
    pub(crate) fn size(&self) -> usize {
        match &self.0 {
            Condition::Compare(..) | Condition::In(..) | Condition::Prefix(..) => 1,
            Condition::All(parts) | Condition::Any(parts) => 1 + parts.iter().map(Self::size).sum::<usize>(),
            Condition::Not(part) => 1 + part.size(),
        }
    }
}

/// It does not hold.
impl Not for Filter {
    type Output = Self;

    fn not(self) -> Self {
        Self(Condition::Not(Box::new(self)))
    }
}

/// By what rows are ordered: a field, by [`Field::asc`] or [`Field::desc`], or a field's name, ascending.
///
/// What is missing or null comes first, then numbers by value, then texts by their code points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub(crate) field: Field,
    pub(crate) descending: bool,
}

impl<F: Into<Field>> From<F> for Order {
    fn from(by: F) -> Self {
        by.into().asc()
    }
}

/// A value that a field can be compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// `null`, or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
}

macro_rules! scalar_from {
    ($($from:ty => $make:expr),* $(,)?) => {
        $(impl From<$from> for Scalar {
            fn from(value: $from) -> Self {
                let make: fn($from) -> Self = $make;
                make(value)
            }
        })*
    };
}

scalar_from! {
    bool => Scalar::Bool,
    i8 => |number| Scalar::Int(number.into()),
    i16 => |number| Scalar::Int(number.into()),
    i32 => |number| Scalar::Int(number.into()),
    i64 => Scalar::Int,
    u8 => |number| Scalar::Int(number.into()),
    u16 => |number| Scalar::Int(number.into()),
    u32 => |number| Scalar::Int(number.into()),
    // SQLite reads a larger number in JSON as a float, too.
    u64 => |number| i64::try_from(number).map_or(Scalar::Float(number as f64), Scalar::Int),
    f32 => |number| Scalar::Float(number.into()),
    f64 => Scalar::Float,
    &str => |text| Scalar::Text(text.to_owned()),
    String => Scalar::Text,
}

impl<T: Into<Scalar>> From<Option<T>> for Scalar {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a query asks for, of one collection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuerySpec {
    /// Which entities; all, if none.
    pub filter: Option<Filter>,
    /// By what they are ordered, before their ids.
    pub order: Vec<Order>,
    /// At most so many.
    pub limit: Option<u64>,
    /// After so many.
    pub offset: u64,
}
