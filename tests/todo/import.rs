//! `import`: fast for a fast producer, prompt for a slow one, and honest about what is safe.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::thread;

use crate::cli::{Device, Ran};

#[test]
fn twenty_thousand_lines_from_a_pipe_become_twenty_thousand_todos() {
    const LINES: usize = 20_000;
    let device = Device::new();
    let mut import = device.import();
    let mut pipe = import.stdin.take().unwrap();
    let producer = thread::spawn(move || {
        let lines: String = (0..LINES).map(|number| format!("title {number}\n")).collect();
        pipe.write_all(lines.as_bytes()).unwrap();
    });
    let ran = Ran(import.wait_with_output().unwrap());
    producer.join().unwrap();
    assert_eq!((ran.code(), ran.stderr().as_str()), (0, ""));
    let printed = ran.stdout();
    let list = device.list();
    assert_eq!(list.len(), LINES);
    // Ids made later are greater, so that both are in the order of the lines.
    for (number, (id, listed)) in printed.lines().zip(&list).enumerate() {
        assert_eq!((id, format!("title {number}")), (listed.0.as_str(), listed.1.clone()));
    }
    assert_eq!(device.json(&["status", "--json"])["pending"], LINES);
}

#[test]
fn a_slow_producer_gets_each_id_before_it_sends_the_next_line() {
    let device = Device::new();
    let mut import = device.import();
    let mut pipe = import.stdin.take().unwrap();
    let mut ids = BufReader::new(import.stdout.take().unwrap()).lines();
    let mut expected = Vec::new();
    for title in ["Milk", "Bread", "Jam"] {
        writeln!(pipe, "{title}").unwrap();
        expected.push((ids.next().unwrap().unwrap(), title.to_owned(), false, true));
    }
    drop(pipe);
    assert!(ids.next().is_none());
    assert!(import.wait().unwrap().success());
    assert_eq!(device.list(), expected);
}

#[test]
fn a_todo_whose_id_was_printed_survives_a_kill() {
    let device = Device::new();
    let mut import = device.import();
    let mut pipe = import.stdin.take().unwrap();
    writeln!(pipe, "Milk").unwrap();
    let mut id = String::new();
    BufReader::new(import.stdout.take().unwrap()).read_line(&mut id).unwrap();
    import.kill().unwrap();
    import.wait().unwrap();
    assert_eq!(device.list(), [(id.trim_end().to_owned(), "Milk".to_owned(), false, true)]);
}

#[test]
fn a_file_is_read_like_a_pipe_and_empty_lines_are_passed_over() {
    let device = Device::new();
    let file = device.file("titles.txt");
    std::fs::write(&file, "Milk\r\n\nBread\n \t\r\nno newline at the end").unwrap();
    let printed = device.ok(&["import", file.to_str().unwrap()]);
    let titles: Vec<String> = device.list().into_iter().map(|(_, title, ..)| title).collect();
    assert_eq!(titles, ["Milk", "Bread", "no newline at the end"]);
    assert_eq!(printed.lines().count(), 3);
}

#[test]
fn a_byte_order_mark_at_the_beginning_is_no_part_of_the_title() {
    let device = Device::new();
    let file = device.file("titles.txt");
    std::fs::write(&file, "\u{feff}Milk\n\u{feff}Bread\n").unwrap();
    device.ok(&["import", file.to_str().unwrap()]);
    let titles: Vec<String> = device.list().into_iter().map(|(_, title, ..)| title).collect();
    assert_eq!(titles, ["Milk", "\u{feff}Bread"]);
}

#[test]
fn a_line_that_cannot_be_added_ends_it_after_those_before_it_are_kept_and_told() {
    let long = "x".repeat(600 * 1024);
    // Quotes double in JSON: short enough to be read, too long to be stored.
    let quotes = "\"".repeat(400 * 1024);
    for (bad, about) in
        [(&b"\xff\xfe"[..], "UTF-8"), (long.as_bytes(), "more than"), (quotes.as_bytes(), "cannot be added")]
    {
        let device = Device::new();
        let file = device.file("titles.txt");
        std::fs::write(&file, [b"Milk\nBread\n", bad, b"\nJam\n"].concat()).unwrap();
        let ran = device.run(&["import", file.to_str().unwrap()]);
        assert_eq!(ran.code(), 1);
        let reason = crate::cli::sentence(&ran.stderr());
        assert!(reason.contains("line 3 ") && reason.contains(about), "{reason}");
        let listed: Vec<(String, String)> =
            device.list().into_iter().map(|(id, title, ..)| (id, title)).collect();
        let printed = ran.stdout();
        let ids: Vec<&str> = printed.lines().collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(listed, [(ids[0].to_owned(), "Milk".to_owned()), (ids[1].to_owned(), "Bread".to_owned())]);
    }
}

#[test]
fn a_file_that_is_not_there_is_a_failure() {
    let device = Device::new();
    let missing = device.file("missing.txt");
    assert!(device.run(&["import", missing.to_str().unwrap()]).failed().contains("missing.txt"));
}

#[test]
fn a_reader_of_the_ids_that_goes_away_ends_it_quietly() {
    let device = Device::new();
    let mut import = device.import();
    drop(import.stdout.take());
    let mut pipe = import.stdin.take().unwrap();
    // It ends although more lines could come: nobody would learn their ids.
    writeln!(pipe, "Milk").unwrap();
    let mut told = String::new();
    import.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!((import.wait().unwrap().code(), told.as_str()), (Some(0), ""));
    drop(pipe);
}
