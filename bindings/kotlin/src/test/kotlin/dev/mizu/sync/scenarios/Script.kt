package dev.mizu.sync.scenarios

import dev.mizu.sync.testing.ServerTransaction
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.TestServer.Endpoint
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlin.time.Duration.Companion.seconds

/** Runs a step if it is one of the scripted server's. */
fun World.runScript(step: Step): JsonElement? {
    if (!step.name.startsWith("server.")) return null
    val server = server ?: throw Wrong("it is no scenario for a server without a script")
    val name = step.name.removePrefix("server.")
    ask(server, name, step)?.let { return it }
    tell(server, name, step)
    return JsonNull
}

/** What gives something. */
private fun ask(
    server: TestServer,
    name: String,
    step: Step,
): JsonElement? =
    when (name) {
        "get" -> {
            server.getJson(scope(step), step.text("in"), step.text("id"))?.let(Json::parseToJsonElement)
                ?: JsonNull
        }

        "delete" -> {
            JsonPrimitive(server.delete(scope(step), step.text("in"), step.text("id")))
        }

        "count" -> {
            JsonPrimitive(server.count(scope(step), step.text("in")))
        }

        "requests" -> {
            JsonPrimitive(server.requests(endpoint(step)))
        }

        "mutations" -> {
            val applied =
                server.mutations.map {
                    buildJsonObject {
                        put("id", it.id)
                        put("name", it.name)
                        put("scope", it.scope)
                        put("args", it.args)
                    }
                }
            Shown(step).ofEach(applied)
        }

        else -> {
            null
        }
    }

/** What gives nothing. */
private fun tell(
    server: TestServer,
    name: String,
    step: Step,
) {
    when (name) {
        "put" -> {
            server.putJson(scope(step), step.text("in"), step.text("id"), step.value("value").toString())
        }

        "wait_for_requests" -> {
            server.waitForRequests(endpoint(step), step.number("times"))
        }

        "wait_for_subscription" -> {
            server.waitForSubscription(scope(step))
        }

        "reject" -> {
            server.reject(step.text("mutation"), step.text("code"), step.text("message"))
        }

        "fail" -> {
            server.fail(step.text("mutation"), step.text("message"))
        }

        "accept" -> {
            server.accept(step.text("mutation"))
        }

        "know" -> {
            val mutation = step.text("mutation")
            if (mutation != "account.transfer") throw Wrong("nobody has said what \"$mutation\" does")
            server.onMutation(mutation) { transfer() }
        }

        "answer_status" -> {
            server.answerStatus(
                endpoint(step),
                step.number("status").toInt(),
                times(step),
                step.optionalNumber("retry_after")?.seconds,
            )
        }

        "answer_normally" -> {
            server.answerNormally()
        }

        "lose_replies" -> {
            server.loseReplies(endpoint(step), times(step))
        }

        "require_token" -> {
            server.requireToken(step.text("token"))
        }

        "expire_tokens" -> {
            server.expireTokens()
        }

        "forbid" -> {
            server.forbid(scope(step))
        }

        "allow" -> {
            server.allow(scope(step))
        }

        "plain" -> {
            server.plain(step.flag("on"))
        }

        "live" -> {
            server.live(step.flag("on"))
        }

        "captive_portal" -> {
            server.captivePortal(step.flag("on"))
        }

        "go_offline" -> {
            server.goOffline()
        }

        "go_online" -> {
            server.goOnline()
        }

        "hang" -> {
            server.hang()
        }

        "release" -> {
            server.release()
        }

        "reset" -> {
            server.reset()
        }

        "back_up" -> {
            server.backUp()
        }

        "restore" -> {
            server.restore()
        }

        "trim" -> {
            server.trim()
        }

        else -> {
            throw Wrong("the server has no step \"$name\"")
        }
    }
}

private fun scope(step: Step): String = step.optionalText("scope") ?: "user:1"

private fun endpoint(step: Step): Endpoint = Endpoint.valueOf(step.text("endpoint").uppercase())

/** Once unless told. */
private fun times(step: Step): Int = step.optionalNumber("times")?.toInt() ?: 1

@Serializable
private class Transfer(
    val from: String,
    val to: String,
    val cents: Long,
)

/** What the server does with `account.transfer`: it moves money that is there. */
private fun ServerTransaction.transfer() {
    val transfer = args<Transfer>()
    for ((id, change) in listOf(transfer.from to -transfer.cents, transfer.to to transfer.cents)) {
        val account = get<Account>("account", id) ?: refuse("not_found", "there is no such account")
        val after = account.cents + change
        if (after < 0) refuse("conflict", "there is less in the account")
        put("account", id, Account(after))
    }
}
