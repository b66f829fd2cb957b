#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;

fn headers() -> Headers {
    vec![("streamtype".into(), "data".into()), ("port".into(), "8080".into())]
}

fn all() -> Vec<Frame<'static>> {
    vec![
        Frame::SynStream { stream: 1, fin: true, unidirectional: false, headers: headers() },
        Frame::SynReply { stream: 1, fin: false, headers: Headers::new() },
        Frame::Rst { stream: 3, status: 5 },
        Frame::Settings(vec![(7, 65536), (4, 100)]),
        Frame::Ping(9),
        Frame::GoAway { last: 5, status: 0 },
        Frame::Headers { stream: 1, fin: false, headers: headers() },
        Frame::WindowUpdate { stream: 0, delta: 1000 },
        Frame::Data { stream: 1, fin: false, bytes: b"hello" },
        Frame::Data { stream: 1, fin: true, bytes: b"" },
        Frame::Unknown(77),
        Frame::Data { stream: 7, fin: true, bytes: b"end" },
    ]
}

fn packed(frames: &[Frame]) -> Vec<u8> {
    let (mut packer, mut bytes) = (Packer::default(), Vec::new());
    for frame in frames {
        write(frame, &mut packer, &mut bytes);
    }
    bytes
}

/// Decodes the chunks, with the pieces of a data frame put together again.
fn read(chunks: &[&[u8]]) -> Result<Vec<String>, Error> {
    let (mut decoder, mut seen, mut data) = (Decoder::default(), Vec::new(), Vec::new());
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(frame) = decoder.next(&mut input)? {
            if let Frame::Data { stream, fin, bytes } = &frame {
                data.extend_from_slice(bytes);
                if matches!(decoder.state, State::Head) {
                    seen.push(format!("data {stream} {fin} {}", String::from_utf8_lossy(&std::mem::take(&mut data))));
                }
            } else {
                seen.push(format!("{frame:?}"));
            }
        }
        assert!(input.is_empty());
    }
    Ok(seen)
}

#[test]
fn every_frame_comes_back_however_it_is_cut() {
    let bytes = packed(&all());
    let whole = read(&[&bytes]).unwrap();
    assert_eq!(whole.len(), all().len());
    assert_eq!(whole[0], format!("{:?}", all()[0]));
    assert_eq!(whole[11], "data 7 true end");
    for at in 0..bytes.len() {
        assert_eq!(read(&[&bytes[..at], &bytes[at..]]).unwrap(), whole, "cut at {at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read(&single).unwrap(), whole);
}

#[test]
fn damage_is_an_error_or_another_frame_but_never_more() {
    let bytes = packed(&all());
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let _ = read(&[&damaged]);
        }
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let error = |bytes: &[u8]| read(&[bytes]).unwrap_err();
    assert_eq!(error(&[0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]), Error::Version(2));
    assert_eq!(error(&[0x80, 3, 0, 1, 0, 1, 0, 1]), Error::TooLong(MAX_CONTROL + 1));
    assert_eq!(error(&[0x80, 3, 0, 6, 0, 0, 0, 0]), Error::Malformed("PING"));
    assert_eq!(error(&[0x80, 3, 0, 1, 0, 0, 0, 2, 0, 0]), Error::Malformed("SYN_STREAM"));
    assert_eq!(error(&[0x80, 3, 0, 9, 0, 0, 0, 4, 0, 0, 0, 0]), Error::Malformed("WINDOW_UPDATE"));
    assert_eq!(error(&[0x80, 3, 0, 4, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff]), Error::Malformed("SETTINGS"));
    assert!(matches!(error(&[0x80, 3, 0, 4, 0, 0, 0, 2, 0, 0]), Error::Malformed(_)));
}

#[test]
fn a_large_data_frame_comes_in_pieces_and_is_not_held() {
    let mut decoder = Decoder::default();
    let mut head: &[u8] = &[0, 0, 0, 1, 1, 0xff, 0xff, 0xff];
    assert_eq!(decoder.next(&mut head).unwrap(), None);
    let piece = vec![7; 0xffff];
    let mut left = 0x00ff_ffff;
    while left > 0 {
        let mut input = &piece[..piece.len().min(left)];
        left -= input.len();
        let Some(Frame::Data { fin, bytes, .. }) = decoder.next(&mut input).unwrap() else { unreachable!() };
        assert_eq!((fin, bytes.len().min(1), decoder.held.capacity() <= HEAD), (left == 0, 1, true));
    }
    assert_eq!(decoder.next(&mut &[][..]).unwrap(), None);
}
