//! Files as earlier versions left them. A released schema gets one file here, which never changes again.

use rusqlite::Connection;

use super::*;

const V1: &str = include_str!("../../../tests/golden/schema-1.sql");

fn schema(connection: &Connection) -> Vec<String> {
    let sql =
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut select = connection.prepare(sql).unwrap();
    let texts = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
    texts.map(|text| text.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_file_of_schema_1_opens_with_its_queue_its_rows_and_its_place_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("todos.db");
    Connection::open(&path).unwrap().execute_batch(V1).unwrap();
    let store = open(&folder).unwrap();
    store.check_invariants().unwrap();
    let replica = store.replica().unwrap();
    assert_eq!((replica.cursor, replica.client.as_str()), (cursor(17), "golden-client"));
    assert_eq!(replica.wire, Some(Wire::Extended));
    let pending: Vec<_> =
        store.pending().unwrap().into_iter().map(|mutation| (mutation.id, mutation.acked)).collect();
    assert_eq!(
        pending,
        [("m-acked".to_owned(), true), ("m-patch".to_owned(), false), ("m-custom".to_owned(), false)]
    );
    assert_eq!(store.rejected().unwrap()[0].code, "conflict");
    let shown = |id: &str| store.get(&todo(id)).unwrap().map(|row| row.data.as_str().to_owned());
    assert_eq!(shown("t1").as_deref(), Some(r#"{"title":"Oat milk","done":true}"#));
    assert_eq!(shown("t2").as_deref(), Some(r#"{"title":"Bread"}"#));
    assert_eq!(shown("t3").as_deref(), Some(r#"{"title":"Jam"}"#));
}

#[test]
fn the_file_of_schema_1_has_the_schema_that_a_new_file_gets() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder).unwrap().close();
    let new = Connection::open(folder.path().join("todos.db")).unwrap();
    let golden = Connection::open_in_memory().unwrap();
    golden.execute_batch(V1).unwrap();
    assert_eq!(schema(&new), schema(&golden));
}
