#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
use super::*;

#[test]
fn days_become_dates() {
    assert_eq!(civil(0), (1970, 1, 1));
    assert_eq!(civil(19_782), (2024, 2, 29));
    assert_eq!(civil(20_514), (2026, 3, 2));
}

#[test]
fn a_part_of_a_line_is_taken_back() {
    let path = std::env::temp_dir().join(format!("kutties-log-cut-{}", std::process::id()));
    for (written, left) in [("one\ntwo\nthr", "zero\none\ntwo\n"), ("one\n", "zero\none\n"), ("on", "zero\n"), ("", "zero\n")] {
        std::fs::write(&path, format!("zero\n{written}")).unwrap();
        let cut = cut_back(&File::options().append(true).open(&path).unwrap(), written.as_bytes());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), left);
        assert_eq!(cut, "zero\n".len() + written.len() - left.len());
    }
    std::fs::remove_file(path).unwrap();
}

/// The tags and contents that a sequence of writes leaves in the log.
fn logged(writes: &[&[u8]]) -> Vec<(String, usize)> {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("kutties-log-{}-{number}", std::process::id()));
    let mut log = Log::open(Some(path.clone()), 0, None).unwrap();
    let mut stream = Stream::new("stdout", None);
    for bytes in writes {
        stream.add(bytes, &mut log);
    }
    stream.finish(&mut log);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    let parts = text.lines().map(|l| l.splitn(4, ' ').collect::<Vec<_>>());
    parts.map(|p| (p[2].to_owned(), p[3].len())).collect()
}

#[test]
fn lines_are_tagged_full_or_partial() {
    assert_eq!(logged(&[b"one\ntw", b"o\nthree"]), [("F".into(), 3), ("F".into(), 3), ("P".into(), 5)]);
}

#[test]
fn long_lines_are_cut() {
    let long = vec![b'x'; CHUNK * 2 + 5];
    assert_eq!(logged(&[&long, b"\n"]), [("P".into(), CHUNK), ("P".into(), CHUNK), ("F".into(), 5)]);
}

/// A file's path that no other test has.
fn place(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("kutties-log-{name}-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

/// The dropped lines that a log tells of, a number for each line that does.
fn told(text: &str) -> Vec<u64> {
    let notes = text.lines().filter_map(|line| line.split_once(" stderr F kutties: ")?.1.split_once(" lines dropped"));
    notes.map(|(count, _)| count.trim().parse().unwrap()).collect()
}

#[test]
fn at_the_quota_lines_are_dropped_and_counted_in_one_line() {
    let path = place("quota");
    let quota = 64 * 1024;
    let mut log = Log::open(Some(path.clone()), quota, None).unwrap();
    let mut stream = Stream::new("stdout", None);
    let all = 10_000;
    for number in 0..all {
        stream.add(format!("line {number}\n").as_bytes(), &mut log);
    }
    log.tell_dropped();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.len() as u64 <= quota / 16 * 11 + 100, "{} bytes", text.len());
    let kept = text.lines().filter(|line| line.contains(" stdout F line ")).count() as u64;
    assert_eq!(told(&text), [all - kept]);
    assert!(kept > 500 && text.ends_with('\n'));

    // The kubelet renames it: then there is room, and the count begins anew.
    let old = path.with_extension("old");
    std::fs::rename(&path, &old).unwrap();
    stream.add(b"the end of this line is told", &mut log);
    log.reopen().unwrap();
    assert_eq!(told(&std::fs::read_to_string(&old).unwrap()), [all - kept]);
    stream.add(b" nowhere\nanother\n", &mut log);
    let text = std::fs::read_to_string(&path).unwrap();
    let [note, line] = text.lines().collect::<Vec<_>>()[..] else { panic!("the new log is {text:?}") };
    assert_eq!((told(note), line.ends_with(" stdout F another")), (vec![1], true));
    for path in [path, old] {
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn two_files_stay_below_the_quota_and_each_can_grow_until_it_is_rotated() {
    let (path, old) = (place("two"), place("two-old"));
    // The kubelet rotates at a quarter.
    let quota = 256 * 1024;
    let mut log = Log::open(Some(path.clone()), quota, None).unwrap();
    let mut stream = Stream::new("stdout", None);
    let mut sizes = Vec::new();
    for _ in 0..6 {
        for _ in 0..10_000 {
            stream.add(b"a line of a flood\n", &mut log);
        }
        std::fs::rename(&path, &old).unwrap();
        log.reopen().unwrap();
        sizes.push(std::fs::metadata(&old).unwrap().len());
    }
    assert!(sizes.iter().all(|size| *size > quota / 4), "{sizes:?}");
    assert!(sizes.windows(2).all(|two| two[0] + two[1] <= quota + 200), "{sizes:?}");
    for path in [path, old] {
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_quota_counts_what_the_file_holds_already() {
    let path = place("before");
    std::fs::write(&path, vec![b'\n'; 45 * 1024]).unwrap();
    let mut log = Log::open(Some(path.clone()), 64 * 1024, None).unwrap();
    Stream::new("stdout", None).add(b"one too much\n", &mut log);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!((told(&text), text.contains("one too much")), (vec![1], false));
}

#[test]
fn a_log_without_a_quota_takes_all() {
    let path = place("free");
    let mut log = Log::open(Some(path.clone()), 0, None).unwrap();
    let mut stream = Stream::new("stdout", None);
    (0..10_000).for_each(|_| stream.add(b"line\n", &mut log));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!((text.lines().count(), told(&text).len()), (10_000, 0));
}
