//! Filters that the kernel runs before a packet is copied to us (classic BPF): only what has the form of
//! a check's request or SYN. A media server's own traffic never reaches this program.

use socket2::SockFilter;

use crate::model::port::Transport;
use crate::proto::responder::syn;

// Opcodes of `linux/bpf_common.h`.
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const LOAD_WORD_AT_X: u16 = 0x40;
const LOAD_HALF_AT_X: u16 = 0x48;
const LOAD_BYTE_AT_X: u16 = 0x50;
/// X = 4 × the low half of a byte: the length of an IPv4 header.
const X_OF_HEADER: u16 = 0xb1;
const AND: u16 = 0x54;
const JUMP_IF: u16 = 0x15;
const JUMP_IF_BITS: u16 = 0x45;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const JUMP_IF_ABOVE: u16 = 0x25;
const RETURN: u16 = 0x06;

/// Where `pkttype` of a packet is (`SKF_AD_OFF + SKF_AD_PKTTYPE`).
const PACKET_TYPE: u32 = 0xffff_f004;

/// More fragments, or a place behind the first one.
const FRAGMENT: u32 = 0x3fff;
const TCP: u32 = 6;
const UDP: u32 = 17;
const V4_FRAGMENT_AT: u32 = 6;
const V4_PROTOCOL_AT: u32 = 9;
const V6_PROTOCOL_AT: u32 = 6;
const V6_BYTES: u32 = 40;
/// Of a request, behind the UDP header.
const REQUEST_AT: u32 = 8;
const COOKIE_AT: u32 = 12;
const ATTRIBUTE_AT: u32 = 28;

/// Of a SYN, behind the TCP header's beginning: its flags, its first option and what that says. Linux,
/// macOS and Windows begin with the size of segments.
const FLAGS_AT: u32 = 13;
const OPTION_AT: u32 = 20;
const SIZE_AT: u32 = 22;
const SYN_AND_ACK: u32 = 0x12;
const SYN: u32 = 0x02;
const SIZE_OPTION: u32 = 0x0204;

const REQUEST: u32 = 0x0001;
const COOKIE: u32 = 0x2112_a442;
const ATTRIBUTE: u32 = 0xc0de;
const WHOLE_PACKET: u32 = 0xffff;

/// Which way a packet goes that a packet socket sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To this machine (`PACKET_HOST`).
    In,
    /// Out of it (`PACKET_OUTGOING`).
    Out,
}

impl Way {
    fn packet_type(self) -> u32 {
        match self {
            Self::In => 0,
            Self::Out => 4,
        }
    }
}

/// One instruction. A jump names how many instructions are passed over where the condition does not
/// hold; [`program`] puts the refusal there.
enum Step {
    Do(u16, u32),
    /// Refuses the packet where A is something else.
    Demand(u32),
    /// Refuses the packet where A has one of these bits.
    DemandNone(u32),
    /// Refuses the packet where A is less, or where it is more.
    DemandAtLeast(u32),
    DemandAtMost(u32),
    /// Passes over so many steps where A is something else.
    UnlessPassOver(u32, u8),
    Take,
}

/// Requests of a check, or its SYNs, in either family, as packet sockets without a link header see them.
pub fn of_tap(way: Way, transport: Transport) -> Vec<SockFilter> {
    let v4 = v4(transport);
    let over_v4 = u8::try_from(v4.len()).expect("a program is short");
    let mut steps = vec![
        Step::Do(LOAD_BYTE, PACKET_TYPE),
        Step::Demand(way.packet_type()),
        Step::Do(LOAD_BYTE, 0),
        Step::Do(AND, 0xf0),
        Step::UnlessPassOver(0x40, over_v4),
    ];
    steps.extend(v4);
    steps.push(Step::Demand(0x60));
    steps.push(Step::Do(LOAD_BYTE, V6_PROTOCOL_AT));
    steps.push(Step::Demand(number(transport)));
    steps.extend(at(V6_BYTES, transport));
    program(&steps)
}

/// The same as raw sockets of IPv4 see them, which begin at the IP header.
pub fn of_raw_v4(transport: Transport) -> Vec<SockFilter> {
    program(&v4(transport))
}

/// The same as raw sockets of IPv6 see them, which begin behind the IP header.
pub fn of_raw_v6(transport: Transport) -> Vec<SockFilter> {
    program(&at(0, transport))
}

fn number(transport: Transport) -> u32 {
    match transport {
        Transport::Tcp => TCP,
        Transport::Udp => UDP,
    }
}

fn v4(transport: Transport) -> Vec<Step> {
    let mut steps = vec![
        Step::Do(LOAD_BYTE, V4_PROTOCOL_AT),
        Step::Demand(number(transport)),
        Step::Do(LOAD_HALF, V4_FRAGMENT_AT),
        Step::DemandNone(FRAGMENT),
        Step::Do(X_OF_HEADER, 0),
    ];
    let loads = Loads { byte: LOAD_BYTE_AT_X, half: LOAD_HALF_AT_X, word: LOAD_WORD_AT_X };
    steps.extend(of(transport, &loads, 0));
    steps
}

fn at(place: u32, transport: Transport) -> Vec<Step> {
    of(transport, &Loads { byte: LOAD_BYTE, half: LOAD_HALF, word: LOAD_WORD }, place)
}

/// How a part of the packet is loaded.
struct Loads {
    byte: u16,
    half: u16,
    word: u16,
}

/// What the packet must have behind its IP header, which ends at `place`.
fn of(transport: Transport, load: &Loads, place: u32) -> Vec<Step> {
    match transport {
        Transport::Udp => vec![
            Step::Do(load.half, place + REQUEST_AT),
            Step::Demand(REQUEST),
            Step::Do(load.word, place + COOKIE_AT),
            Step::Demand(COOKIE),
            Step::Do(load.half, place + ATTRIBUTE_AT),
            Step::Demand(ATTRIBUTE),
            Step::Take,
        ],
        Transport::Tcp => vec![
            Step::Do(load.byte, place + FLAGS_AT),
            Step::Do(AND, SYN_AND_ACK),
            Step::Demand(SYN),
            Step::Do(load.half, place + OPTION_AT),
            Step::Demand(SIZE_OPTION),
            Step::Do(load.half, place + SIZE_AT),
            Step::DemandAtLeast(syn::SMALLEST.into()),
            Step::DemandAtMost(syn::LARGEST.into()),
            Step::Take,
        ],
    }
}

fn program(steps: &[Step]) -> Vec<SockFilter> {
    let count = steps.len();
    let instruction = |(place, step): (usize, &Step)| {
        // The refusal is the instruction behind all steps.
        let refusal = u8::try_from(count - place - 1).expect("a program is short");
        match *step {
            Step::Do(code, value) => SockFilter::new(code, 0, 0, value),
            Step::Demand(value) => SockFilter::new(JUMP_IF, 0, refusal, value),
            Step::DemandAtLeast(value) => SockFilter::new(JUMP_IF_AT_LEAST, 0, refusal, value),
            Step::DemandAtMost(value) => SockFilter::new(JUMP_IF_ABOVE, refusal, 0, value),
            Step::DemandNone(bits) => SockFilter::new(JUMP_IF_BITS, refusal, 0, bits),
            Step::UnlessPassOver(value, steps) => SockFilter::new(JUMP_IF, 0, steps, value),
            Step::Take => SockFilter::new(RETURN, 0, 0, WHOLE_PACKET),
        }
    };
    let refuse = SockFilter::new(RETURN, 0, 0, 0);
    steps.iter().enumerate().map(instruction).chain([refuse]).collect()
}
