//! A server that speaks the plain form only, as go-mizu's does: strict about fields, without tags, in its own
//! shapes. The database behind it is that of our server.

use std::borrow::Cow;

use mizu_sync_protocol::Code;
use mizu_sync_server::{Endpoint, Reply, Request, Service};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Push<'a> {
    #[serde(borrow)]
    mutations: Vec<Mutation<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    scope: Cow<'a, str>,
    #[serde(borrow)]
    args: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only whether a body has these fields and no others is asked")]
struct Pull<'a> {
    #[serde(borrow)]
    scope: Cow<'a, str>,
    cursor: u64,
    limit: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot<'a> {
    #[serde(borrow)]
    scope: Cow<'a, str>,
}

/// Answers a request as such a server does. `from_zero`: its snapshots say cursor 0, and the whole log follows,
/// as those of go-mizu's sample do.
pub fn handle(service: &Service, endpoint: Endpoint, body: &[u8], from_zero: bool) -> Reply {
    let server = Plain { service };
    let answer = match endpoint {
        Endpoint::Push => serde_json::from_slice(body).ok().map(|push| server.push(&push)),
        Endpoint::Pull => serde_json::from_slice::<Pull<'_>>(body).ok().map(|_| server.pull(body)),
        Endpoint::Snapshot => {
            serde_json::from_slice(body).ok().map(|snapshot| server.snapshot(&snapshot, from_zero))
        }
    };
    let refused = || json!({"code": "invalid_mutation", "error": "invalid request body"});
    match answer {
        None => reply(400, &refused()),
        Some(Ok(body)) => reply(200, &body),
        Some(Err(other)) => Reply { extended: false, ..other },
    }
}

fn reply(status: u16, body: &Value) -> Reply {
    let body = body.to_string().into_bytes();
    Reply { status, extended: false, retry_after: None, body, grown: Vec::new() }
}

struct Plain<'s> {
    service: &'s Service,
}

impl Plain<'_> {
    /// Asks the service behind; anything but a 200 is the answer as it is.
    fn ask(&self, endpoint: Endpoint, body: &[u8]) -> Result<Value, Reply> {
        let request = Request { endpoint, extended: true, log: None, token: None, body };
        let reply = self.service.handle(&request);
        if reply.status == 200 {
            Ok(serde_json::from_slice(&reply.body).unwrap_or_default())
        } else {
            Err(reply)
        }
    }

    fn head(&self, scope: &str) -> Result<u64, Reply> {
        let body = json!({"scope": scope, "limit": 1}).to_string();
        Ok(self.ask(Endpoint::Snapshot, body.as_bytes())?["cursor"].as_u64().unwrap_or_default())
    }

    /// One by one: a failure stops nothing. The cursor of an ok is the head of the log, that of a repeated
    /// mutation too.
    fn push(&self, push: &Push<'_>) -> Result<Value, Reply> {
        let mut results = Vec::new();
        for mutation in &push.mutations {
            let body = json!({"mutations": [mutation]}).to_string();
            let mut answer = self.ask(Endpoint::Push, body.as_bytes())?;
            let result = answer["results"][0].take();
            if result["ok"] == true {
                let cursor = self.head(&mutation.scope)?;
                results.push(json!({"ok": true, "cursor": cursor}));
                continue;
            }
            let code = result["code"].as_str().and_then(Code::parse);
            let words = code.and_then(Code::plain_error);
            let error = words.map_or_else(|| result["error"].clone(), Value::from);
            results.push(json!({"ok": false, "error": error}));
        }
        Ok(json!({ "results": results }))
    }

    /// What a change does stands inside of its data. An empty page is `null`, and says no cursor.
    fn pull(&self, body: &[u8]) -> Result<Value, Reply> {
        let mut page = self.ask(Endpoint::Pull, body)?;
        let changes = page["changes"].as_array_mut().map(std::mem::take).unwrap_or_default();
        if changes.is_empty() {
            return Ok(json!({"changes": null, "has_more": false}));
        }
        let changes: Vec<Value> = changes.into_iter().map(in_data).collect();
        Ok(json!({"changes": changes, "has_more": page["has_more"], "next_cursor": page["next_cursor"]}))
    }

    fn snapshot(&self, snapshot: &Snapshot<'_>, from_zero: bool) -> Result<Value, Reply> {
        let body = json!({"scope": snapshot.scope, "limit": 5_000}).to_string();
        let all = self.ask(Endpoint::Snapshot, body.as_bytes())?;
        let cursor = if from_zero { json!(0) } else { all["cursor"].clone() };
        Ok(json!({"data": all["data"], "cursor": cursor}))
    }
}

fn in_data(mut change: Value) -> Value {
    let mut data = json!({"entity": change["entity"], "id": change["id"], "op": change["op"]});
    if !change["data"].is_null() {
        data["data"] = change["data"].take();
    }
    json!({"cursor": change["cursor"], "scope": change["scope"], "time": change["time"], "data": data})
}
