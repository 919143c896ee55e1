//! The data channel of a participant, from its first packet: DTLS with the server as its client (RFC 6347), SCTP
//! inside (RFC 8831), and the messages that open channels (RFC 8832). Packets in, packets out.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use dimpl::{Config, Dtls, DtlsCertificate, Output};
use prost::bytes::Bytes;
use sctp_proto::{
    Association, AssociationHandle, DatagramEvent, Endpoint, Event, Payload,
    PayloadProtocolIdentifier, ServerConfig, StreamEvent, StreamId, Transmit,
};

/// Bytes that a DTLS record needs at least; the buffer grows where one is longer.
const RECORD: usize = 2048;

/// The endpoint tells associations apart by the address. There is one, and ICE knows where it is.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 5000);

/// DATA_CHANNEL_ACK and DATA_CHANNEL_OPEN (RFC 8832 §8.2.1).
const ACK: u8 = 2;
const OPEN: u8 = 3;

/// The longest message in which a channel is opened that is read.
const LONGEST_OPEN: usize = 1024;

/// DTLS, and what is inside.
pub struct Channel {
    /// `None`: it failed, and nothing is answered any more.
    dtls: Option<Dtls>,
    sctp: Endpoint,
    association: Option<(AssociationHandle, Association)>,
    /// When DTLS has something to send again.
    due: Instant,
    is_connected: bool,
}

impl Channel {
    /// Begins the handshake. Its first packet comes from [`Self::tick`].
    pub fn begin(certificate: DtlsCertificate, now: Instant) -> Self {
        let mut dtls = Dtls::new_12(Arc::new(Config::default()), certificate, now);
        dtls.set_active(true);
        Self {
            dtls: Some(dtls),
            sctp: Endpoint::new(Arc::default(), Some(Arc::new(ServerConfig::default()))),
            association: None,
            due: now,
            is_connected: false,
        }
    }

    /// Whether the handshake of DTLS has ended well.
    pub fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// The answers to a packet.
    pub fn hear(&mut self, packet: &[u8], now: Instant) -> Vec<Vec<u8>> {
        self.advance(now, |dtls| dtls.handle_packet(packet))
    }

    /// What is due at `now`.
    pub fn tick(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let is_due = now >= self.due;
        if let Some((_, association)) = &mut self.association
            && association.poll_timeout().is_some_and(|due| now >= due)
        {
            association.handle_timeout(now);
        }
        self.advance(now, |dtls| if is_due { dtls.handle_timeout(now) } else { Ok(()) })
    }

    /// Gives DTLS something, and takes from both layers until neither has anything to say.
    fn advance(
        &mut self,
        now: Instant,
        give: impl FnOnce(&mut Dtls) -> Result<(), dimpl::Error>,
    ) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let Some(mut dtls) = self.dtls.take() else {
            return packets;
        };
        // An error is the end of DTLS, and `dtls` is not put back.
        let mut result = give(&mut dtls);
        while result.is_ok() {
            for datagram in self.poll_dtls(&mut dtls, &mut packets) {
                self.hear_sctp(datagram, now);
            }
            let sent = self.poll_sctp(now);
            if sent.is_empty() {
                self.dtls = Some(dtls);
                return packets;
            }
            result = sent
                .iter()
                .try_for_each(|datagram| dtls.send_application_data(datagram).map(|_| ()));
        }
        packets
    }

    /// Adds DTLS's packets, and returns what came inside.
    fn poll_dtls(&mut self, dtls: &mut Dtls, packets: &mut Vec<Vec<u8>>) -> Vec<Bytes> {
        let mut inside = Vec::new();
        let mut buffer = vec![0; RECORD];
        loop {
            match dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => packets.push(packet.to_vec()),
                Output::ApplicationData(datagram) => inside.push(Bytes::copy_from_slice(datagram)),
                Output::Connected => self.is_connected = true,
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(due) => {
                    self.due = due;
                    return inside;
                }
                // The demo believes every certificate: its participants prove themselves by their tokens.
                Output::PeerCert(_) | Output::KeyingMaterial(..) | Output::CloseNotify | _ => {}
            }
        }
    }

    fn hear_sctp(&mut self, datagram: Bytes, now: Instant) {
        match self.sctp.handle(now, PEER, None, None, datagram) {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                self.association = Some((handle, association));
            }
            Some((_, DatagramEvent::AssociationEvent(event))) => {
                if let Some((_, association)) = &mut self.association {
                    association.handle_event(event);
                }
            }
            None => {}
        }
    }

    /// Confirms the channels that were opened, and returns SCTP's packets.
    fn poll_sctp(&mut self, now: Instant) -> Vec<Bytes> {
        let mut packets = Vec::new();
        let mut add = |transmit: Transmit| match transmit.payload {
            Payload::RawEncode(datagrams) => packets.extend(datagrams),
            Payload::PartialDecode(_) => {}
        };
        while let Some(transmit) = self.sctp.poll_transmit() {
            add(transmit);
        }
        let Some((handle, association)) = &mut self.association else {
            return packets;
        };
        while let Some(event) = association.poll() {
            if let Event::Stream(StreamEvent::Opened { id } | StreamEvent::Readable { id }) = event
            {
                confirm(association, id);
            }
        }
        while let Some(event) = association.poll_endpoint_event() {
            if let Some(event) = self.sctp.handle_event(*handle, event) {
                association.handle_event(event);
            }
        }
        while let Some(transmit) = association.poll_transmit(now) {
            add(transmit);
        }
        packets
    }
}

/// Reads what came on a stream, and confirms a channel that opens. Other messages are ignored.
fn confirm(association: &mut Association, id: StreamId) {
    let Ok(mut stream) = association.stream(id) else {
        return;
    };
    while let Ok(Some(message)) = stream.read_sctp() {
        let mut start = [0; LONGEST_OPEN];
        let opens = message.ppi == PayloadProtocolIdentifier::Dcep
            && message.read(&mut start).is_ok_and(|length| length > 0)
            && start[0] == OPEN;
        if opens {
            // A stream that is gone needs no confirmation.
            drop(stream.write_with_ppi(&[ACK], PayloadProtocolIdentifier::Dcep));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sctp_proto::ClientConfig;

    use super::super::super::certificates::self_signed;
    use super::*;
    use crate::model::timestamp::Timestamp;

    /// How often packets are exchanged before the test gives up; some ten are needed.
    const MOST_ROUNDS: usize = 100;

    /// The stream on which the browser opens a channel.
    const STREAM: StreamId = 1;

    fn certificate() -> DtlsCertificate {
        let own = self_signed("WebRTC", Timestamp::from_unix_seconds(1_800_000_000)).unwrap();
        DtlsCertificate {
            certificate: own.chain[0].to_vec(),
            private_key: own.key.secret_der().to_vec(),
        }
    }

    /// The other side: DTLS as the server, SCTP as the client, which begins when DTLS is there.
    struct Browser {
        dtls: Dtls,
        sctp: Endpoint,
        association: Association,
        is_connected: bool,
        is_opened: bool,
    }

    impl Browser {
        fn new(now: Instant) -> Self {
            let mut sctp = Endpoint::new(Arc::default(), None);
            let (_, association) = sctp.connect(ClientConfig::new(), PEER).unwrap();
            let mut dtls = Dtls::new_12(Arc::new(Config::default()), certificate(), now);
            // Tells it the time, which it needs before the first packet.
            dtls.handle_timeout(now).unwrap();
            Self { dtls, sctp, association, is_connected: false, is_opened: false }
        }

        fn exchange(&mut self, packets: Vec<Vec<u8>>, now: Instant) -> Vec<Vec<u8>> {
            let mut answers = Vec::new();
            for packet in packets {
                self.dtls.handle_packet(&packet).unwrap();
                self.poll_dtls(&mut answers, now);
            }
            if self.is_connected {
                self.association.handle_timeout(now);
                while let Some(transmit) = self.association.poll_transmit(now) {
                    let Payload::RawEncode(datagrams) = transmit.payload else { continue };
                    for datagram in datagrams {
                        self.dtls.send_application_data(&datagram).unwrap();
                    }
                }
                self.poll_dtls(&mut answers, now);
            }
            answers
        }

        fn poll_dtls(&mut self, packets: &mut Vec<Vec<u8>>, now: Instant) {
            let mut buffer = vec![0; RECORD];
            loop {
                match self.dtls.poll_output(&mut buffer) {
                    Output::Packet(packet) => packets.push(packet.to_vec()),
                    Output::Connected => self.is_connected = true,
                    Output::ApplicationData(datagram) => {
                        let datagram = Bytes::copy_from_slice(datagram);
                        let heard = self.sctp.handle(now, PEER, None, None, datagram);
                        if let Some((_, DatagramEvent::AssociationEvent(event))) = heard {
                            self.association.handle_event(event);
                        }
                    }
                    Output::Timeout(_) => return,
                    _ => {}
                }
            }
        }

        /// Opens a channel once there is an association, and returns what came back on it.
        fn open(&mut self) -> Option<(PayloadProtocolIdentifier, u8)> {
            const DCEP: PayloadProtocolIdentifier = PayloadProtocolIdentifier::Dcep;
            if self.association.is_handshaking() {
                return None;
            }
            if !self.is_opened {
                self.is_opened = true;
                let mut stream = self.association.open_stream(STREAM, DCEP).unwrap();
                // Reliable, with no priority, label and protocol.
                stream.write_with_ppi(&[OPEN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], DCEP).unwrap();
            }
            let message = self.association.stream(STREAM).unwrap().read_sctp().unwrap()?;
            let mut bytes = [0; 1];
            message.read(&mut bytes).unwrap();
            Some((message.ppi, bytes[0]))
        }
    }

    #[test]
    fn a_channel_that_a_browser_opens_is_confirmed() {
        let mut now = tokio::time::Instant::now().into_std();
        let mut server = Channel::begin(certificate(), now);
        let mut browser = Browser::new(now);
        for _ in 0..MOST_ROUNDS {
            let mut to_server = browser.exchange(server.tick(now), now);
            while !to_server.is_empty() {
                let heard = to_server.iter().flat_map(|packet| server.hear(packet, now)).collect();
                to_server = browser.exchange(heard, now);
            }
            if let Some(confirmation) = browser.open() {
                assert_eq!(confirmation, (PayloadProtocolIdentifier::Dcep, ACK));
                assert!(server.is_connected());
                return;
            }
            now += Duration::from_millis(200);
        }
        panic!("the channel was not confirmed");
    }
}
