//! Who may do what; nothing is applied before it is known.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::sync::Arc;

use mizu_sync_server::{
    Auth, Endpoint, Environment as _, Principal, Request, Service, ServiceOptions, Session, TokenFile,
    Unauthorized,
};
use serde_json::{Value, json};
use std::time::SystemTime;
use support::{Answer, Ask as _, SCOPE, TestEnvironment, create};

const TOKENS: &str = r#"[
    {"token":"alice-token","principal":"alice","scopes":["user:1","team:*"]},
    {"token":"short-lived","principal":"bob","scopes":["*"],"expires":"2024-10-05T00:00:00Z"}
]"#;

fn guarded() -> (Service, Arc<TestEnvironment>) {
    let environment = TestEnvironment::new(1);
    let auth = Arc::new(TokenFile::parse(TOKENS).unwrap());
    let options = ServiceOptions { auth, environment: Arc::clone(&environment) as _, ..Default::default() };
    (Service::in_memory(options).unwrap(), environment)
}

fn send(service: &Service, endpoint: Endpoint, token: Option<&str>, body: &Value) -> Answer {
    service.ask(&Request { endpoint, extended: true, log: None, token, body: body.to_string().as_bytes() })
}

fn body(endpoint: Endpoint, scope: &str) -> Value {
    match endpoint {
        Endpoint::Push => {
            let mut mutation = create("a");
            mutation["scope"] = scope.into();
            json!({ "mutations": [mutation] })
        }
        Endpoint::Pull | Endpoint::Snapshot => json!({ "scope": scope }),
    }
}

#[test]
fn every_endpoint_refuses_a_missing_or_unknown_token() {
    let (service, _) = guarded();
    for endpoint in Endpoint::ALL {
        for token in [None, Some("wrong"), Some("")] {
            let answer = send(&service, endpoint, token, &body(endpoint, SCOPE));
            assert_eq!((answer.status, answer.code()), (401, "unauthorized"));
        }
    }
}

#[test]
fn every_endpoint_refuses_a_scope_that_is_not_listed() {
    let (service, _) = guarded();
    for endpoint in Endpoint::ALL {
        let ask = |scope| send(&service, endpoint, Some("alice-token"), &body(endpoint, scope));
        assert_eq!((ask(SCOPE).status, ask("team:red").status), (200, 200));
        let refused = ask("user:2");
        assert_eq!((refused.status, refused.code()), (403, "forbidden"));
    }
}

#[test]
fn a_batch_with_one_forbidden_scope_is_refused_whole() {
    let (service, _) = guarded();
    let mut forbidden = create("b");
    forbidden["scope"] = "user:2".into();
    let batch = json!({ "mutations": [create("a"), forbidden] });
    assert_eq!(send(&service, Endpoint::Push, Some("alice-token"), &batch).status, 403);
    let pull = send(&service, Endpoint::Pull, Some("alice-token"), &json!({ "scope": SCOPE }));
    assert_eq!(pull.changes().len(), 0);
}

#[test]
fn a_token_expires_by_the_clock_of_the_service() {
    let (service, environment) = guarded();
    let ask = || send(&service, Endpoint::Pull, Some("short-lived"), &body(Endpoint::Pull, SCOPE)).status;
    let expires = humantime::parse_rfc3339("2024-10-05T00:00:00Z").unwrap();
    let left = expires.duration_since(environment.now()).unwrap();
    assert_eq!(ask(), 200);
    environment.advance(left);
    assert_eq!(ask(), 401);
}

#[test]
fn no_answer_repeats_the_token() {
    let (service, _) = guarded();
    for endpoint in Endpoint::ALL {
        let answer = send(&service, endpoint, Some("canary-token"), &body(endpoint, SCOPE));
        assert!(!answer.body.to_string().contains("canary"));
    }
}

#[test]
fn an_auth_may_call_the_service_itself() {
    // A lock held while it is asked would hang here.
    struct Reentrant(std::sync::OnceLock<std::sync::Weak<Service>>);
    struct Everything(Principal, Arc<Service>);
    impl Auth for Reentrant {
        fn authenticate(
            &self,
            token: Option<&str>,
            _: SystemTime,
        ) -> Result<Box<dyn Session + '_>, Unauthorized> {
            if token.is_some() {
                let service = self.0.get().and_then(std::sync::Weak::upgrade).ok_or(Unauthorized)?;
                return Ok(Box::new(Everything(Principal::new("x"), service)));
            }
            Ok(Box::new(Everything(Principal::new("inner"), Arc::new(support::service()))))
        }
    }
    impl Session for Everything {
        fn principal(&self) -> &Principal {
            assert_eq!(self.1.push(&[create("other")]).status, 200);
            &self.0
        }
        fn allows(&self, _: &str) -> bool {
            self.0.as_str() == "inner" || self.1.push(&[create("inner")]).status == 200
        }
    }
    let auth = Arc::new(Reentrant(std::sync::OnceLock::new()));
    let options = ServiceOptions { auth: Arc::clone(&auth) as _, ..Default::default() };
    let service = Arc::new(Service::in_memory(options).unwrap());
    auth.0.set(Arc::downgrade(&service)).unwrap();
    let body = json!({ "mutations": [create("outer")] });
    assert_eq!(send(&service, Endpoint::Push, Some("t"), &body).status, 200);
}
