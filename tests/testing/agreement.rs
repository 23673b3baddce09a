//! The scripted server and the reference server give the same answers to the same requests, but for tags, times and
//! words.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::pair::{Log, Pair};

fn mutation(id: &str, name: &str, args: &Value) -> Value {
    json!({ "id": id, "name": name, "scope": "user:1", "args": args })
}

fn create(id: &str, entity: &str) -> Value {
    mutation(id, "todo.create", &json!({ "id": entity, "data": { "title": entity } }))
}

#[test]
fn generic_mutations_do_the_same() {
    for extended in [true, false] {
        let mut pair = Pair::start();
        pair.push(extended, &[create("m1", "t1"), create("m2", "t1"), create("m3", "t2")]);
        pair.push(
            extended,
            &[
                mutation("m4", "todo.update", &json!({ "id": "t1", "data": { "a": 1, "é": "naïve 🥛" } })),
                mutation("m5", "todo.update", &json!({ "id": "t9", "data": {} })),
                mutation(
                    "m6",
                    "todo.patch",
                    &json!({ "id": "t1", "set": { "b": [1.50, null] }, "unset": ["a", "z"] }),
                ),
                mutation("m7", "todo.patch", &json!({ "id": "t1" })),
                mutation("m8", "todo.patch", &json!({ "id": "t9", "set": { "b": 2 } })),
                mutation("m9", "todo.delete", &json!({ "id": "t2" })),
                mutation("m10", "todo.delete", &json!({ "id": "t2" })),
                mutation("m11", "a.b.create", &json!({ "id": "日本/ü?#%", "data": {} })),
                mutation("m12", "todo.tick", &json!({ "id": "t1" })),
                mutation("m13", "todo", &json!({ "id": "t1" })),
                mutation("m14", "", &json!({})),
            ],
        );
        pair.look_everywhere();
    }
}

#[test]
fn a_repetition_is_answered_with_the_outcome() {
    for extended in [true, false] {
        let mut pair = Pair::start();
        let batch =
            [create("m1", "t1"), create("m2", "t1"), mutation("m3", "todo.delete", &json!({ "id": "t1" }))];
        pair.push(extended, &batch);
        pair.push(extended, &batch);
        pair.push(
            extended,
            &[create("m1", "other"), batch[1].clone(), create("m4", "t1"), create("m4", "t1")],
        );
        let mut elsewhere = create("m1", "t1");
        elsewhere["scope"] = "user:2".into();
        pair.push(extended, &[elsewhere]);
        pair.look_everywhere();
    }
}

#[test]
fn what_does_not_fit_is_refused_alike() {
    for extended in [true, false] {
        let mut pair = Pair::start();
        pair.push(extended, &[create("m0", "t1")]);
        let args = [
            json!(null),
            json!(7),
            json!([]),
            json!({}),
            json!({ "id": "t1" }),
            json!({ "id": 7, "data": {} }),
            json!({ "id": "", "data": {} }),
            json!({ "id": "x".repeat(1_024), "data": {} }),
            json!({ "id": "x".repeat(1_025), "data": {} }),
            json!({ "id": "t2", "data": [] }),
            json!({ "id": "t2", "data": "text" }),
            json!({ "id": "t2", "data": null }),
            json!({ "id": "t2", "data": {}, "more": 1 }),
            json!({ "id": "t1", "set": [] }),
            json!({ "id": "t1", "set": {}, "unset": "a" }),
        ];
        let verbs = ["create", "update", "patch", "delete"];
        for (number, args) in args.iter().enumerate() {
            for verb in verbs {
                pair.push(extended, &[mutation(&format!("{verb}{number}"), &format!("todo.{verb}"), args)]);
            }
        }
        for id in ["", &"i".repeat(1_024), &"i".repeat(1_025)] {
            pair.push(extended, &[create(id, "t3")]);
            pair.push(extended, &[create(id, "t3")]);
        }
        for scope in ["", &"s".repeat(1_024), &"s".repeat(1_025)] {
            let mut scoped = create("m", "t4");
            scoped["scope"] = scope.into();
            pair.push(extended, &[scoped]);
        }
        pair.push(
            extended,
            &[mutation("long", &format!("{}.create", "c".repeat(1_025)), &json!({ "id": "a", "data": {} }))],
        );
        for body in [
            "",
            "{",
            "[]",
            "null",
            r#"{"mutations":null}"#,
            r#"{"mutations":[]}"#,
            r#"{"mutations":[{}]}"#,
            r#"{"mutations":[{"id":"m","name":"todo.create"}]}"#,
            r#"{"mutations":[{"id":"m","name":"a","scope":"s"}]} x"#,
            r#"{"scope":7}"#,
            r#"{"scope":"user:1","cursor":-1}"#,
            r#"{"scope":"user:1","cursor":9223372036854775808}"#,
            r#"{"scope":"user:1","limit":-1}"#,
            r#"{"scope":"user:1","limit":0}"#,
            r#"{"scope":"user:1","after":["todo"]}"#,
            r#"{"scope":"user:1","after":["todo","t0"],"limit":1}"#,
            r#"{"scope":"user:1","other":[{}]}"#,
            "\u{0}",
        ] {
            for endpoint in ["push", "pull", "snapshot"] {
                pair.ask(endpoint, extended, Log::Nothing, body.as_bytes());
            }
        }
        pair.ask("push", extended, Log::Nothing, b"{\"mutations\":\xff}");
        pair.look_everywhere();
    }
}

#[test]
fn limits_are_the_same() {
    let mut pair = Pair::start();
    let text = |bytes: usize| "x".repeat(bytes);
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        serde_json::from_str::<Value>(&format!("{open}{close}")).unwrap()
    };
    let envelope = r#"{"a":""}"#.len();
    let mut number = 0;
    for data in [
        json!({ "a": text(512 * 1024 - envelope) }),
        json!({ "a": text(512 * 1024 - envelope + 1) }),
        json!({ "a": text(600 * 1024) }),
        json!({ "a": nested(63) }),
        json!({ "a": nested(64) }),
    ] {
        number += 1;
        let args = json!({ "id": format!("t{number}"), "data": data });
        pair.push(true, &[mutation(&format!("m{number}"), "todo.create", &args)]);
    }
    for data in [r#"{"\ud800":1}"#, r#"{"a":[{"\ud800":1}]}"#, r#"{"a":1,"a":2}"#] {
        number += 1;
        let body = format!(
            r#"{{"mutations":[{{"id":"m{number}","name":"todo.create","scope":"user:1","args":{{"id":"t{number}","data":{data}}}}}]}}"#
        );
        pair.ask("push", true, Log::Nothing, body.as_bytes());
    }
    let many: Vec<Value> = (0..20_001).map(|number| create(&format!("n{number}"), "t")).collect();
    pair.push(true, &many);
    // A page ends before 4 MiB.
    for number in 0..20 {
        let args = json!({ "id": format!("large{number:02}"), "data": { "a": text(500 * 1024) } });
        pair.push(true, &[mutation(&format!("large{number}"), "todo.create", &args)]);
    }
    for cursor in 0..=23 {
        let page = pair.pull(true, cursor, 500).body;
        assert_eq!(page["has_more"], cursor < 15, "{cursor}");
    }
    let page = pair.snapshot(true, json!({})).body;
    assert_eq!(page["has_more"], true);
}

#[test]
fn positions_of_another_log_are_refused_alike() {
    let mut pair = Pair::start();
    pair.pull(true, 0, 1);
    for number in 0..4 {
        pair.push(true, &[create(&format!("m{number}"), &format!("t{number}"))]);
    }
    let pull = br#"{"scope":"user:1","cursor":2}"#;
    let push = json!({ "mutations": [create("m9", "t1")] }).to_string();
    let later_page = br#"{"scope":"user:1","after":["todo","t0"]}"#;
    let first_page = br#"{"scope":"user:1"}"#;
    let logs = [
        Log::Named(&[0]),
        Log::Named(&[3]),
        Log::Named(&[4]),
        Log::Named(&[2, 0]),
        Log::Named(&[0, 2]),
        Log::Text("2:0000000000000000"),
        Log::Text("0:a"),
        Log::Text("99:a"),
        Log::Text("2:a, 3:b"),
        Log::Text(""),
        Log::Text("x"),
        Log::Text("1"),
        Log::Text("1:"),
        Log::Text("1:a,"),
        Log::Text("1:a, 2:b, 3:c"),
    ];
    for extended in [true, false] {
        for log in logs {
            pair.ask("pull", extended, log, pull);
            pair.ask("push", extended, log, push.as_bytes());
            pair.ask("snapshot", extended, log, first_page);
            pair.ask("snapshot", extended, log, later_page);
        }
        for cursor in [4, 5, 1_000] {
            pair.pull(extended, cursor, 500);
        }
    }
    let mut elsewhere = create("m1", "t1");
    elsewhere["scope"] = "user:2".into();
    let two = json!({ "mutations": [create("m8", "t8"), elsewhere] }).to_string();
    pair.ask("push", true, Log::Named(&[0]), two.as_bytes());
    pair.ask("push", true, Log::Nothing, two.as_bytes());
    pair.look_everywhere();
}

#[test]
fn after_a_trim_both_remember_and_have_forgotten_the_same() {
    let mut pair = Pair::start();
    pair.pull(true, 0, 1);
    for number in 0..4 {
        pair.push(true, &[create(&format!("m{number}"), &format!("t{number}"))]);
    }
    let month_later = SystemTime::now() + Duration::from_secs(31 * 24 * 60 * 60);
    pair.service.trim(month_later).unwrap();
    pair.double.trim();
    for round in 0..2 {
        for number in 0..4 {
            pair.push(true, &[create(&format!("m{number}"), "again")]);
        }
        for numbers in [&[0_usize][..], &[1], &[6], &[0, 1], &[6, 6], &[1, 0]] {
            pair.ask("pull", true, Log::Named(numbers), br#"{"scope":"user:1","cursor":3}"#);
            let push = json!({ "mutations": [create(&format!("n{round}"), "n")] }).to_string();
            pair.ask("push", true, Log::Named(numbers), push.as_bytes());
        }
        pair.look_everywhere();
        pair.service.trim(month_later).unwrap();
        pair.double.trim();
    }
}

#[test]
fn what_go_mizus_client_sent_is_answered_alike() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/go-mizu-client.json");
    let recorded: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut pair = Pair::start();
    for exchange in recorded["exchanges"].as_array().unwrap() {
        let endpoint = exchange["path"].as_str().unwrap().trim_start_matches('/');
        let answer = pair.ask(endpoint, false, Log::Nothing, exchange["request"].to_string().as_bytes());
        assert_eq!(answer.status, 200);
    }
    pair.look_everywhere();
}

/// What no list has thought of: sequences of requests from a seed.
#[test]
fn random_requests_are_answered_alike() {
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut pair = Pair::start();
        for _ in 0..60 {
            let extended = random.u8(..) > 60;
            match random.u8(..10) {
                0..5 => {
                    let batch: Vec<Value> =
                        (0..random.u8(1..5)).map(|_| random_mutation(&mut random)).collect();
                    pair.push(extended, &batch);
                }
                5..8 => drop(pair.pull(extended, random.u64(..30), random.u64(..6))),
                _ => {
                    let after = json!(["todo", format!("t{}", random.u8(..6))]);
                    let request = if random.bool() {
                        json!({})
                    } else {
                        json!({ "after": after, "limit": random.u8(..4) })
                    };
                    pair.snapshot(extended, request);
                }
            }
        }
        pair.look_everywhere();
    }
}

fn random_mutation(random: &mut fastrand::Rng) -> Value {
    let (id, entity) = (format!("m{}", random.u8(..60)), format!("t{}", random.u8(..6)));
    let value = json!({ "n": random.u8(..3), "title": "ü" });
    let (verb, args) = match random.u8(..9) {
        0..3 => ("create", json!({ "id": entity, "data": value })),
        3..5 => ("update", json!({ "id": entity, "data": value })),
        5..7 => ("patch", json!({ "id": entity, "set": { "n": random.u8(..3) }, "unset": ["title"] })),
        7 => ("delete", json!({ "id": entity })),
        _ => ("unknown", json!({})),
    };
    let collection = if random.u8(..) > 40 { "todo" } else { "list" };
    let mut mutation = mutation(&id, &format!("{collection}.{verb}"), &args);
    if random.u8(..) < 40 {
        mutation["scope"] = "user:2".into();
    }
    mutation
}
