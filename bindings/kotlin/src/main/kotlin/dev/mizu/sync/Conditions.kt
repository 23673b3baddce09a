package dev.mizu.sync

import dev.mizu.sync.ffi.Condition
import dev.mizu.sync.ffi.Operator
import dev.mizu.sync.ffi.OrderOption
import dev.mizu.sync.ffi.QueryOptions
import dev.mizu.sync.ffi.Value

/** A field of the stored JSON: a property of the app's class, or a property of one. */
public class Field internal constructor(
    internal val path: List<String>,
) {
    /** The field of this name in the object that this field holds. */
    public fun field(name: String): Field = Field(path + name)
}

/** A condition of a query. */
public class Filter internal constructor(
    internal val conditions: List<Condition>,
) {
    /** Both hold. */
    public infix fun and(other: Filter): Filter = combine(Operator.ALL, listOf(this, other))

    /** One of them holds. */
    public infix fun or(other: Filter): Filter = combine(Operator.ANY, listOf(this, other))

    /** It does not hold. */
    public operator fun not(): Filter = combine(Operator.NOT, listOf(this))

    private fun combine(
        operator: Operator,
        parts: List<Filter>,
    ): Filter =
        Filter(
            listOf(Condition(operator, emptyList(), emptyList(), parts.size.toUInt())) +
                parts.flatMap { it.conditions },
        )
}

/**
 * What a query asks for.
 *
 * ```
 * todos.query {
 *     where("done" eq false)
 *     where(("due" lt "2027") or "due".isNull())
 *     orderBy("title")
 *     limit(50)
 * }
 * ```
 *
 * Properties are compared with truth values, numbers, texts and `null`, as they stand in the JSON.
 */
@SyncDsl
public class QueryBuilder internal constructor() {
    private val conditions = mutableListOf<Condition>()
    private val order = mutableListOf<OrderOption>()
    private var limit: ULong? = null
    private var offset = 0UL

    /** Only the entities for which [filter] holds, and those given before. */
    public fun where(filter: Filter) {
        conditions += filter.conditions
    }

    /** The least of this property first. A second order decides where the first is equal; ids end every order. */
    public fun orderBy(property: String) {
        orderBy(field(property))
    }

    /** The least of this field first. */
    public fun orderBy(field: Field) {
        order += OrderOption(field.path, descending = false)
    }

    /** The greatest of this property first. */
    public fun orderByDescending(property: String) {
        orderByDescending(field(property))
    }

    /** The greatest of this field first. */
    public fun orderByDescending(field: Field) {
        order += OrderOption(field.path, descending = true)
    }

    /** At most so many. */
    public fun limit(limit: Int) {
        this.limit = size("limit", limit)
    }

    /** Without the first so many. */
    public fun offset(offset: Int) {
        this.offset = size("offset", offset)
    }

    /** A property, to reach one of its own: `field("address").field("city")`. */
    public fun field(property: String): Field = Field(listOf(property))

    /** It is equal. */
    public infix fun String.eq(value: Any?): Filter = field(this) eq value

    /** It is equal. */
    public infix fun Field.eq(value: Any?): Filter = filter(Operator.EQ, value)

    /** It is not equal. */
    public infix fun String.ne(value: Any?): Filter = field(this) ne value

    /** It is not equal. */
    public infix fun Field.ne(value: Any?): Filter = filter(Operator.NE, value)

    /** It is less. */
    public infix fun String.lt(value: Any): Filter = field(this) lt value

    /** It is less. */
    public infix fun Field.lt(value: Any): Filter = filter(Operator.LT, value)

    /** It is less or equal. */
    public infix fun String.le(value: Any): Filter = field(this) le value

    /** It is less or equal. */
    public infix fun Field.le(value: Any): Filter = filter(Operator.LE, value)

    /** It is greater. */
    public infix fun String.gt(value: Any): Filter = field(this) gt value

    /** It is greater. */
    public infix fun Field.gt(value: Any): Filter = filter(Operator.GT, value)

    /** It is greater or equal. */
    public infix fun String.ge(value: Any): Filter = field(this) ge value

    /** It is greater or equal. */
    public infix fun Field.ge(value: Any): Filter = filter(Operator.GE, value)

    /** It is one of them. */
    public infix fun String.isIn(values: Iterable<Any?>): Filter = field(this) isIn values

    /** It is one of them. */
    public infix fun Field.isIn(values: Iterable<Any?>): Filter =
        Filter(listOf(Condition(Operator.IN, path, values.map { value(path, it) }, 0U)))

    /** It is a text that begins so. */
    public infix fun String.startsWith(beginning: String): Filter = field(this) startsWith beginning

    /** It is a text that begins so. */
    public infix fun Field.startsWith(beginning: String): Filter = filter(Operator.PREFIX, beginning)

    /** It is `null`, or not there. */
    public fun String.isNull(): Filter = field(this).isNull()

    /** It is `null`, or not there. */
    public fun Field.isNull(): Filter = filter(Operator.EQ, null)

    internal fun build(): QueryOptions = QueryOptions(conditions.toList(), order.toList(), limit, offset)

    private fun Field.filter(
        operator: Operator,
        value: Any?,
    ): Filter = Filter(listOf(Condition(operator, path, listOf(value(path, value)), 0U)))
}

private fun size(
    what: String,
    number: Int,
): ULong {
    if (number < 0) throw SyncException.InvalidValue("the $what of a query is $number: give 0 or more")
    return number.toULong()
}

private fun value(
    path: List<String>,
    value: Any?,
): Value =
    when (value) {
        null -> Value.Null

        is Boolean -> Value.Bool(value)

        is Byte, is Short, is Int, is Long -> Value.Int((value as Number).toLong())

        is Double -> Value.Float(value)

        // As its JSON has it: 0.1, and not the 0.10000000149 that is nearest to it among the floats.
        is Float -> Value.Float(value.toString().toDouble())

        is CharSequence -> Value.Text(value.toString())

        else -> throw SyncException.InvalidValue(
            "the field ${path.joinToString(".")} cannot be compared with a ${value.javaClass.simpleName}: " +
                "give what its JSON has there, a truth value, a number, a text or null",
        )
    }
