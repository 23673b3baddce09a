package dev.mizu.sync

import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.Arguments.arguments
import org.junit.jupiter.params.provider.MethodSource

@Serializable
private data class Price(
    val amount: Float,
)

class QueryTest {
    private val client = testClient()
    private val tasks = client.collection<Task>("task")

    @BeforeEach
    fun fill() =
        runBlocking {
            client.batch {
                create(tasks, "a", Task("Apples", done = true, priority = 1, weight = 0.5, due = "2026-01-01"))
                create(tasks, "b", Task("bread", priority = 2, weight = 1.5, place = Place("Oslo", floor = 2)))
                create(tasks, "c", Task("cheese", priority = 2, weight = 1.0, due = "2027-01-01"))
                create(tasks, "d", Task("Äpfel", done = true, priority = 3, place = Place("Rome")))
                create(tasks, "e", Task("100% _juice_", priority = -4, weight = 1e300))
            }
        }

    @AfterEach
    fun close() = client.close()

    @ParameterizedTest(name = "{0} gives {1}")
    @MethodSource("conditions")
    fun `a condition gives those for which it holds`(
        condition: String,
        expected: String,
        build: QueryBuilder.() -> Unit,
    ) {
        val query = tasks.query(build)
        assertEquals(expected, query.all().joinToString("") { it.id }, condition)
        assertEquals(expected.length.toLong(), query.count(), condition)
        assertEquals(expected.take(1), query.first()?.id.orEmpty(), condition)
    }

    @Test
    fun `a query without conditions has all`() {
        assertEquals(tasks.all(), tasks.query().all())
        assertEquals(5, tasks.query().count())
    }

    @Test
    fun `nothing is read before the query is asked and it can be asked again`() =
        blocking {
            val late = tasks.query { where("title" eq "late") }
            assertNull(late.first())
            val task = tasks.create("z", Task("late"))
            assertEquals(listOf(Row("z", Task("late"), pending = true)), late.all())
            task.delete()
            assertEquals(0, late.count())
        }

    @Test
    fun `a filter can be made of others by a function of the app`() {
        fun QueryBuilder.urgent(least: Int): Filter = ("priority" ge least) and ("done" eq false)
        assertEquals(listOf("b", "c"), tasks.query { where(urgent(2)) }.all().map { it.id })
    }

    @Test
    fun `numbers below none are refused`() {
        refused<SyncException.InvalidValue>("limit", "-1", "0 or more") { tasks.query { limit(-1) } }
        refused<SyncException.InvalidValue>("offset", "-7") { tasks.query { offset(-7) } }
    }

    @Test
    fun `what no JSON has is not compared with`() {
        refused<SyncException.InvalidValue>("place.city", "Place", "text") {
            tasks.query { where(field("place").field("city") eq Place("Oslo")) }
        }
        refused<SyncException.InvalidValue>("title", "List") { tasks.query { where("title" isIn listOf(listOf(1))) } }
    }

    @Test
    fun `a field may have any name`() =
        blocking {
            val raw = client.collection<JsonObject>("odd")
            raw.create("a", Json.parseToJsonElement("""{"a.b":1,"\"q\"":"x","":2,"'":{"$":3}}""") as JsonObject)
            assertEquals(1, raw.query { where("a.b" eq 1) }.count())
            assertEquals(1, raw.query { where("\"q\"" eq "x") }.count())
            assertEquals(1, raw.query { where("" eq 2) }.count())
            assertEquals(1, raw.query { where(field("'").field("$") eq 3) }.count())
            assertEquals(0, raw.query { where("a" eq 1) }.count())
        }

    @Test
    fun `an index makes no difference to an answer`() =
        blocking {
            val indexed =
                testClient {
                    index("task", "done", "title")
                    index("task", Field(listOf("place", "city")))
                }
            indexed.use { client ->
                val copies = client.collection<Task>("task")
                client.batch { tasks.all().forEach { create(copies, it.id, it.value) } }
                val oslo: QueryBuilder.() -> Unit = { where(field("place").field("city") eq "Oslo") }
                assertEquals(tasks.query(oslo).all(), copies.query(oslo).all())
                val open: QueryBuilder.() -> Unit = {
                    where("done" eq false)
                    orderByDescending("title")
                }
                assertEquals(tasks.query(open).all(), copies.query(open).all())
            }
        }

    @Test
    fun `many conditions are one query`() {
        val all = tasks.query { where((1..200).map { "priority" eq it }.reduce { one, other -> one or other }) }
        assertEquals("abcd", all.all().joinToString("") { it.id })
        val none = tasks.query { repeat(200) { where("priority" gt it) } }
        assertTrue(none.all().isEmpty())
    }

    @Test
    fun `more conditions than a query can have are refused however deep they are nested`() {
        for (count in listOf(400, 5_000)) {
            val numbers = 1..count
            refused<SyncException.InvalidValue>("conditions", "300") {
                tasks.query { where(numbers.map { "priority" eq it }.reduce { one, other -> one or other }) }.count()
            }
            refused<SyncException.InvalidValue>("conditions", "300") {
                tasks.query { where(numbers.fold("priority" eq 0) { filter, _ -> !filter }) }.count()
            }
        }
    }

    @Test
    fun `a number of a Float is compared as its JSON has it`() =
        blocking {
            val prices = client.collection<Price>("price")
            for (amount in listOf(0.1F, 16_777_216F, 3.4E38F)) {
                prices.create("$amount", Price(amount))
                assertEquals(listOf("$amount"), prices.query { where("amount" eq amount) }.all().map { it.id })
                assertEquals(1, prices.query { where("amount" isIn listOf(amount)) }.count())
            }
            assertEquals(2, prices.query { where("amount" le 16_777_216F) }.count())
            assertEquals(3, prices.query { where("amount" ge 0.1F) }.count())
            assertEquals(0, prices.query { where("amount" eq Float.NaN) }.count())
        }

    private companion object {
        fun case(
            condition: String,
            expected: String,
            build: QueryBuilder.() -> Unit,
        ) = arguments(condition, expected, build)

        @JvmStatic
        fun conditions() = operators() + combinations() + orders()

        private fun operators() =
            listOf(
                case("done = true", "ad") { where("done" eq true) },
                case("done != true", "bce") { where("done" ne true) },
                case("priority = 2", "bc") { where("priority" eq 2) },
                case("priority = 2 as Long", "bc") { where("priority" eq 2L) },
                case(
                    "priority = 2 as Byte and Short",
                    "bc",
                ) { where("priority" isIn listOf<Byte>(2) + listOf<Short>(9)) },
                case("priority = 2.0", "bc") { where("priority" eq 2.0) },
                case("weight = 1 where it is 1.0", "c") { where("weight" eq 1) },
                case("weight = 0.5 as Float", "a") { where("weight" eq 0.5f) },
                case("weight > 1e200", "e") { where("weight" gt 1e200) },
                case("weight = NaN", "") { where("weight" eq Double.NaN) },
                case("weight < infinity", "abcde") { where("weight" lt Double.POSITIVE_INFINITY) },
                case("priority != 2", "ade") { where("priority" ne 2) },
                case("priority < 2", "ae") { where("priority" lt 2) },
                case("priority <= 2", "abce") { where("priority" le 2) },
                case("priority > 2", "d") { where("priority" gt 2) },
                case("priority >= 2", "bcd") { where("priority" ge 2) },
                case("title = Äpfel", "d") { where("title" eq "Äpfel") },
                case("title is a StringBuilder", "b") { where("title" eq StringBuilder("bread")) },
                case("due < 2027", "a") { where("due" lt "2027") },
                case("a text is no number", "") { where("priority" eq "2") },
                case("a number is no text", "") { where("title" eq 100) },
                case("priority in 1, 3", "ad") { where("priority" isIn listOf(1, 3)) },
                case("in none", "") { where("priority" isIn emptyList()) },
                case("due in null, a text", "abde") { where("due" isIn setOf(null, "2026-01-01")) },
                case("title starts with b", "b") { where("title" startsWith "b") },
                case("title starts with 100%", "e") { where("title" startsWith "100%") },
                case("title starts with a wildcard", "") { where("title" startsWith "%") },
                case("title starts with another", "") { where("title" startsWith "1__") },
                case("title starts with nothing", "abcde") { where("title" startsWith "") },
                case("a number starts with no text", "") { where("priority" startsWith "2") },
                case("due is null", "bde") { where("due".isNull()) },
                case("due = null", "bde") { where("due" eq null) },
                case("due != null", "ac") { where("due" ne null) },
                case("a field that is not there is null", "abcde") { where("nobody".isNull()) },
                case("place.city = Oslo", "b") { where(field("place").field("city") eq "Oslo") },
                case("place.city != Oslo", "acde") { where(field("place").field("city") ne "Oslo") },
                case("place.floor < 1", "d") { where(field("place").field("floor") lt 1) },
                case("place.floor <= 2", "bd") { where(field("place").field("floor") le 2) },
                case("place.floor > 0", "b") { where(field("place").field("floor") gt 0) },
                case("place.floor >= 0", "bd") { where(field("place").field("floor") ge 0) },
                case("place.city in", "bd") { where(field("place").field("city") isIn listOf("Oslo", "Rome")) },
                case("place.city starts with R", "d") { where(field("place").field("city") startsWith "R") },
                case("place.city is null", "ace") { where(field("place").field("city").isNull()) },
            )

        private fun combinations() =
            listOf(
                case("and", "b") { where(("priority" eq 2) and ("due".isNull())) },
                case("or", "acd") { where(("done" eq true) or ("due" gt "2026-06")) },
                case("not", "bce") { where(!("done" eq true)) },
                case("not of an absent field", "bcde") { where(!("due" lt "2027" and ("due" ne null))) },
                case("two wheres", "c") {
                    where("priority" eq 2)
                    where("due" ne null)
                },
                case("an or beside a where", "c") {
                    where(("due" lt "2027") or ("due" ge "2027"))
                    where("done" eq false)
                },
                case("a tree", "ace") {
                    where(!(("done" eq true) and !("priority" le 1)) and ("place".isNull() or ("done" eq true)))
                },
                case("not of an or", "e") { where(!(("done" eq true) or ("priority" gt 0))) },
            )

        private fun orders() =
            listOf(
                case("by priority", "eabcd") { orderBy("priority") },
                case("by priority, the greatest first", "dcbae") { orderByDescending("priority") },
                case("by two", "dcbae") {
                    orderByDescending("priority")
                    orderBy("weight")
                },
                case("by title, as bytes", "eabcd") { orderBy("title") },
                case("by a field of a field, null first", "acebd") { orderBy(field("place").field("city")) },
                case("by a field of a field, descending", "dbeca") { orderByDescending(field("place").field("city")) },
                case("limit", "ab") { limit(2) },
                case("limit 0", "") { limit(0) },
                case("offset", "de") { offset(3) },
                case("offset behind the end", "") { offset(9) },
                case("limit and offset", "cd") {
                    limit(2)
                    offset(2)
                },
                case("all together", "b") {
                    where("priority" gt 0)
                    orderByDescending("weight")
                    limit(1)
                },
            )
    }
}
