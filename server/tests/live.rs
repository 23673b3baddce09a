//! Hints: who gets which, and when; without a socket.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::iter;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use mizu_sync_server::{
    Crud, Endpoint, Environment as _, Failure, LiveAnswer, LiveSession, MutationContext, Mutator, Rejection,
    Request, Service, ServiceOptions, TokenFile, Unauthorized,
};
use serde_json::{Value, json};
use support::{Ask as _, DAY, SCOPE, TestEnvironment, create, mutation, service, service_with};

const TOKENS: &str = r#"[
    {"token":"canary-token","principal":"canary-user","scopes":["user:1","team:*"],"expires":"2024-10-05T00:00:00Z"}
]"#;

fn open(service: &Arc<Service>) -> LiveSession {
    LiveSession::open(service, None, || ()).unwrap()
}

fn subscribe(live: &mut LiveSession, scope: &str) -> Value {
    let topic = format!("sync:{scope}");
    match live.receive(&json!({ "topic": topic, "data": { "type": "subscribe", "ref": "7" } }).to_string()) {
        LiveAnswer::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn ack(scope: &str) -> Value {
    json!({ "topic": format!("sync:{scope}"), "data": { "type": "ack", "ref": "7" } })
}

fn hint(scope: &str, cursor: u64) -> Value {
    json!({ "topic": format!("sync:{scope}"), "data": { "cursor": cursor } })
}

fn hints(live: &mut LiveSession) -> Vec<Value> {
    iter::from_fn(|| live.next_hint()).map(|text| serde_json::from_str(&text).unwrap()).collect()
}

fn guarded() -> (Arc<Service>, Arc<TestEnvironment>) {
    let environment = TestEnvironment::new(1);
    let auth = Arc::new(TokenFile::parse(TOKENS).unwrap());
    let options = ServiceOptions { auth, environment: Arc::clone(&environment) as _, ..Default::default() };
    (Arc::new(Service::in_memory(options).unwrap()), environment)
}

fn push_as_alice(service: &Service, mutation: &Value) -> u16 {
    let body = json!({ "mutations": [mutation] }).to_string();
    let (token, body) = (Some("canary-token"), body.as_bytes());
    service.ask(&Request { endpoint: Endpoint::Push, extended: true, log: None, token, body }).status
}

#[test]
fn a_push_is_hinted_at_to_all_subscribers_of_its_scope_and_to_nobody_else() {
    let service = Arc::new(service());
    let [mut one, mut two, mut other, mut none] = [(); 4].map(|()| open(&service));
    assert_eq!(subscribe(&mut one, SCOPE), ack(SCOPE));
    assert_eq!(subscribe(&mut two, SCOPE), ack(SCOPE));
    assert_eq!(subscribe(&mut other, "user:2"), ack("user:2"));
    let push = service.push(&[create("a"), create("b")]);
    assert_eq!(push.reply.grown.len(), 1);
    let head = push.results()[1]["cursor"].as_u64().unwrap();
    assert_eq!(hints(&mut one), [hint(SCOPE, head)]);
    assert_eq!(hints(&mut two), [hint(SCOPE, head)]);
    assert!(hints(&mut other).is_empty() && hints(&mut none).is_empty());
}

#[test]
fn who_does_not_listen_for_a_while_is_told_the_newest_cursor_once() {
    let service = Arc::new(service());
    let mut live = open(&service);
    subscribe(&mut live, SCOPE);
    for number in 0..50 {
        service.push(&[create(&number.to_string())]);
    }
    assert_eq!(hints(&mut live), [hint(SCOPE, 50)]);
}

#[test]
fn who_subscribes_again_keeps_the_hint_that_waits() {
    let service = Arc::new(service());
    let mut live = open(&service);
    subscribe(&mut live, SCOPE);
    service.push(&[create("a")]);
    subscribe(&mut live, SCOPE);
    assert_eq!(hints(&mut live), [hint(SCOPE, 1)]);
    service.push(&[create("b")]);
    assert_eq!(hints(&mut live), [hint(SCOPE, 2)]);
}

#[test]
fn a_hint_wakes_whoever_waits_for_it_and_what_it_tells_can_be_pulled_then() {
    let service = Arc::new(service());
    let (sender, woken): (_, Receiver<()>) = channel();
    let mut live = LiveSession::open(&service, None, move || sender.send(()).unwrap()).unwrap();
    subscribe(&mut live, SCOPE);
    let writer = Arc::clone(&service);
    let pushing = std::thread::spawn(move || writer.push(&[create("a")]).status);
    woken.recv().unwrap();
    let pulled = service.pull(0);
    assert_eq!(hints(&mut live), [hint(SCOPE, pulled.body["next_cursor"].as_u64().unwrap())]);
    assert_eq!((pulled.changes().len(), pushing.join().unwrap()), (1, 200));
}

#[test]
fn a_change_to_another_scope_is_hinted_at_there() {
    struct Team;
    impl Mutator for Team {
        fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
            Crud.apply(context)?;
            context.in_scope("team:red")?.put_as("news", "latest", &json!({ "by": "user:1" }))
        }
    }
    let service = Arc::new(service_with(Team));
    let mut live = open(&service);
    subscribe(&mut live, "team:red");
    service.push(&[create("a")]);
    assert_eq!(hints(&mut live), [hint("team:red", 2)]);
}

#[test]
fn what_changes_nothing_is_not_hinted_at() {
    struct Picky;
    impl Mutator for Picky {
        fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
            Crud.apply(context)?;
            match context.mutation().name.as_ref() {
                "no.create" => Err(Rejection::forbidden("no").into()),
                "later.create" => Err(Failure::Temporary("later".to_owned())),
                _ => Ok(()),
            }
        }
    }
    let service = Arc::new(service_with(Picky));
    service.push(&[create("a")]);
    let mut live = open(&service);
    subscribe(&mut live, SCOPE);
    let args = json!({ "id": "b", "data": {} });
    service.push(&[create("a")]);
    service.push(&[mutation("m1", "no.create", args.clone()), mutation("m2", "later.create", args)]);
    service.push(&[mutation("m3", "todo.delete", json!({ "id": "missing" }))]);
    assert!(hints(&mut live).is_empty());
}

#[test]
fn an_unsubscription_has_no_answer_and_ends_the_hints() {
    let service = Arc::new(service());
    let mut live = open(&service);
    for (subscribe, unsubscribe) in [
        (r#"{"type":"subscribe","topic":"sync:user:1"}"#, r#"{"type":"unsubscribe","topic":"sync:user:1"}"#),
        (
            r#"{"topic":"sync:user:1","data":{"type":"subscribe"}}"#,
            r#"{"topic":"sync:user:1","data":{"type":"unsubscribe"}}"#,
        ),
    ] {
        assert!(matches!(live.receive(subscribe), LiveAnswer::Text(_)));
        assert_eq!(live.receive(unsubscribe), LiveAnswer::Nothing);
        assert_eq!(live.receive(unsubscribe), LiveAnswer::Nothing);
        service.push(&[create(&subscribe.len().to_string())]);
        assert!(hints(&mut live).is_empty());
    }
}

#[test]
fn what_is_not_known_is_ignored() {
    let mut live = open(&Arc::new(service()));
    let nested = "[".repeat(60_000);
    for text in
        ["", "not json", "{}", r#"{"topic":"x"}"#, r#"{"type":"publish","topic":"sync:user:1"}"#, &nested]
    {
        assert_eq!(live.receive(text), LiveAnswer::Nothing, "{text:.40}");
    }
    assert_eq!(live.subscriptions(), 0);
}

#[test]
fn a_subscription_is_authorised_like_a_pull_and_a_refused_one_gets_no_hint() {
    let (service, _) = guarded();
    let mut live = LiveSession::open(&service, Some("canary-token"), || ()).unwrap();
    let long = "x".repeat(1_025);
    for (scope, code) in [("user:2", "forbidden"), ("", "invalid_mutation"), (&long, "invalid_mutation")] {
        let refused = subscribe(&mut live, scope);
        assert_eq!(refused["topic"], format!("sync:{scope}"));
        assert_eq!((&refused["data"]["type"], &refused["data"]["ref"]), (&json!("error"), &json!("7")));
        assert_eq!(refused["data"]["code"], code);
        assert!(refused["data"]["error"].as_str().is_some_and(|text| !text.contains("canary")));
    }
    assert_eq!(live.subscriptions(), 0);
    assert_eq!(subscribe(&mut live, "team:red"), ack("team:red"));
    push_as_alice(&service, &create("a"));
    assert!(hints(&mut live).is_empty());
}

#[test]
fn a_topic_that_is_no_scopes_is_refused() {
    let mut live = open(&Arc::new(service()));
    let answer = live.receive(r#"{"type":"subscribe","topic":"chat:1","ref":"1"}"#);
    let LiveAnswer::Text(answer) = answer else { panic!("{answer:?}") };
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((&answer["type"], &answer["data"]["code"]), (&json!("error"), &json!("not_found")));
}

#[test]
fn a_client_has_a_hundred_subscriptions_at_most() {
    let mut live = open(&Arc::new(service()));
    for number in 0..100 {
        assert_eq!(subscribe(&mut live, &number.to_string()), ack(&number.to_string()));
    }
    assert_eq!(subscribe(&mut live, "100")["data"]["code"], "too_many");
    assert_eq!(subscribe(&mut live, "99"), ack("99"), "again is not another one");
    live.receive(r#"{"type":"unsubscribe","topic":"sync:0"}"#);
    assert_eq!(subscribe(&mut live, "100"), ack("100"));
}

#[test]
fn without_a_valid_token_there_is_no_session() {
    let (service, environment) = guarded();
    assert_eq!(LiveSession::open(&service, None, || ()).unwrap_err(), Unauthorized);
    assert_eq!(LiveSession::open(&service, Some("wrong"), || ()).unwrap_err(), Unauthorized);
    environment.advance(DAY * 365);
    assert_eq!(LiveSession::open(&service, Some("canary-token"), || ()).unwrap_err(), Unauthorized);
}

#[test]
fn a_session_knows_when_its_token_expires_and_is_refused_from_then_on() {
    let (service, environment) = guarded();
    let mut live = LiveSession::open(&service, Some("canary-token"), || ()).unwrap();
    let expires = humantime::parse_rfc3339("2024-10-05T00:00:00Z").unwrap();
    let left = expires.duration_since(environment.now()).unwrap();
    assert_eq!((live.time_left(), live.check_token()), (Some(left), Ok(())));
    environment.advance(left);
    assert_eq!((live.time_left(), live.check_token()), (Some(Duration::ZERO), Err(Unauthorized)));
    let subscribe = r#"{"topic":"sync:user:1","data":{"type":"subscribe"}}"#;
    assert_eq!(live.receive(subscribe), LiveAnswer::Unauthorized);
    assert_eq!(open(&Arc::new(support::service())).time_left(), None);
}

#[test]
fn a_token_that_is_no_longer_good_for_a_subscribed_scope_is_not_good() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let write = |scopes: &str| {
        std::fs::write(&path, format!(r#"[{{"token":"t","principal":"p","scopes":[{scopes}]}}]"#)).unwrap();
    };
    write(r#""user:1","team:red""#);
    let tokens = Arc::new(TokenFile::load(&path).unwrap());
    let options = ServiceOptions { auth: Arc::clone(&tokens) as _, ..Default::default() };
    let service = Arc::new(Service::in_memory(options).unwrap());
    let mut live = LiveSession::open(&service, Some("t"), || ()).unwrap();
    subscribe(&mut live, SCOPE);
    write(r#""user:1""#);
    tokens.reload(&path).unwrap();
    assert_eq!(live.check_token(), Ok(()), "the other scope was not subscribed");
    write(r#""team:red""#);
    tokens.reload(&path).unwrap();
    assert_eq!(live.check_token(), Err(Unauthorized));
}

#[test]
fn a_session_that_is_dropped_leaves_nothing_behind() {
    let service = Arc::new(service());
    let mut live = open(&service);
    subscribe(&mut live, SCOPE);
    let gauges = |sockets: usize| {
        let text = service.metrics();
        text.contains(&format!("mizu_live_sockets {sockets}\n"))
            && text.contains(&format!("mizu_subscriptions {sockets}\n"))
    };
    assert!(gauges(1));
    drop(live);
    assert!(gauges(0));
    assert_eq!(Arc::strong_count(&service), 1);
}

#[test]
fn debug_shows_no_token_user_or_scope() {
    let (service, _) = guarded();
    let mut live = LiveSession::open(&service, Some("canary-token"), || ()).unwrap();
    subscribe(&mut live, "team:canary");
    assert!(!format!("{live:?}").contains("canary"), "{live:?}");
}
