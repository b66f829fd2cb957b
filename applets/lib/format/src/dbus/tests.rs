#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use alloc::vec;

const OBJECT: [&str; 3] = ["/org/freedesktop/login1", "org.freedesktop.login1.Manager", "Inhibit"];

fn inhibit() -> Vec<u8> {
    let words = ["shutdown", "kubelet", "", "delay"].map(Value::Text);
    call(7, "org.freedesktop.login1", OBJECT, &words)
}

#[test]
fn a_call_is_read_as_it_was_made() {
    let bytes = inhibit();
    assert_eq!(length(&bytes), Ok(Some(bytes.len())));
    let call = Call::parse(&bytes).unwrap().unwrap();
    assert_eq!((call.serial, call.answered, call.signature.as_str()), (7, true, "ssss"));
    assert_eq!([call.path.as_str(), &call.interface, &call.member], OBJECT);
    assert_eq!(call.texts, ["shutdown", "kubelet", "", "delay"]);
}

/// As godbus 5.2.2 of kubelet 1.37 sends it.
#[test]
fn the_kubelets_first_call() {
    let mut bytes = vec![b'l', 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0x6e, 0, 0, 0];
    bytes.extend(b"\x01\x01o\0\x15\0\0\0/org/freedesktop/DBus\0\0\0");
    bytes.extend(b"\x06\x01s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0");
    bytes.extend(b"\x02\x01s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0");
    bytes.extend(b"\x03\x01s\0\x05\0\0\0Hello\0\0\0");
    let call = Call::parse(&bytes).unwrap().unwrap();
    assert_eq!([call.path.as_str(), &call.interface, &call.member], ["/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello"]);
    assert!(call.texts.is_empty() && call.signature.is_empty());
}

#[test]
fn both_orders_are_read() {
    let mut bytes = vec![b'B', 1, NO_REPLY, 1, 0, 0, 0, 6, 0, 0, 0, 9, 0, 0, 0, 0x27];
    bytes.extend(b"\x01\x01o\0\0\0\0\x02/a\0\0\0\0\0\0");
    bytes.extend(b"\x03\x01s\0\0\0\0\x01M\0\0\0\0\0\0\0");
    bytes.extend(b"\x08\x01g\0\x01s\0\0");
    bytes.extend(b"\0\0\0\x01x\0");
    let call = Call::parse(&bytes).unwrap().unwrap();
    assert_eq!((call.serial, call.answered, call.path.as_str(), call.texts), (9, false, "/a", vec!["x".into()]));
}

#[test]
fn answers_have_the_form_of_the_specification() {
    let call = Call::parse(&inhibit()).unwrap().unwrap();
    let bytes = call.answer(2, &[Value::Handle(0)], 1);
    let expected = b"l\x02\0\x01\x04\0\0\0\x02\0\0\0\x17\0\0\0\
        \x05\x01u\0\x07\0\0\0\x09\x01u\0\x01\0\0\0\x08\x01g\0\x01h\0\0\0\0\0\0";
    assert_eq!(bytes, expected);
    assert_eq!(Call::parse(&bytes), Ok(None));
    let number = call.answer(3, &[Value::Number(1)], 0);
    assert!(number.ends_with(b"\x01v\0\0\x01t\0\0\0\0\0\0\x01\0\0\0\0\0\0\0"), "{number:?}");
    let refused = call.refuse(4, "org.freedesktop.DBus.Error.Failed", "no");
    assert_eq!((Call::parse(&refused), length(&refused)), (Ok(None), Ok(Some(refused.len()))));
    let told = signal(5, ":1.0", OBJECT, &[Value::Flag(true)]);
    assert!(told.ends_with(b"\x01b\0\0\0\0\0\x01\0\0\0") || told.ends_with(b"\x01\0\0\0"), "{told:?}");
    assert_eq!(Call::parse(&told), Ok(None));
}

#[test]
fn what_is_no_message_is_refused() {
    let good = inhibit();
    for end in 0..good.len() {
        assert!(Call::parse(&good[..end]).is_err(), "{end}");
    }
    assert_eq!((length(b""), length(b"l\x01\0\x01")), (Ok(None), Ok(None)));
    assert_eq!(length(b"x"), Err(Malformed));
    for (at, value) in [(1, 0), (3, 2), (4, 1), (8, 0), (12, 1), (16, 0), (17, 9)] {
        let mut bytes = good.clone();
        bytes[at] = value;
        assert!(Call::parse(&bytes).is_err(), "{at} {value}");
    }
    // Lengths beyond all bounds.
    for at in [4, 12] {
        let mut bytes = good.clone();
        bytes[at..at + 4].fill(0xff);
        assert_eq!((length(&bytes), Call::parse(&bytes)), (Err(Malformed), Err(Malformed)));
    }
}
