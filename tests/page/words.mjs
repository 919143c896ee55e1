// The page's own decisions under node: `node --test words.mjs`.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  WAYS, adviceFor, browserOf, candidateKind, fields, fill, isOfWay, readSignal, relaysOf, selectedPair, sentenceOf,
  stateOf, writeLeave, writeOffer,
} from "../../assets/page/words.mjs";

const utf8 = new TextEncoder();
const bytes = (number, content) => {
  const body = typeof content === "string" ? utf8.encode(content) : content;
  assert(body.length < 1 << 14);
  const size = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
  return [number * 8 + 2, ...size, ...body];
};
const number = (field, value) => [field * 8, value];

const UDP = "candidate:2586111761 1 udp 2130706431 203.0.113.20 50905 typ host ufrag CgvF";
const TCP = "candidate:1 1 tcp 1671430143 203.0.113.20 7881 typ host tcptype passive ufrag CgvF";
const trickle = (candidate, target, isLast) =>
  bytes(4, [...bytes(1, JSON.stringify({ candidate, sdpMid: "0" })), ...number(2, target), ...number(3, isLast)]);
const JOIN = bytes(1, [
  ...bytes(4, "1.13.5"),
  ...bytes(5, [...bytes(1, "turn:203.0.113.20:443?transport=udp"), ...bytes(2, "name"), ...bytes(3, "pass")]),
  ...bytes(5, [...bytes(1, "turns:turn.example.io:443?transport=tcp"), ...bytes(2, "name"), ...bytes(3, "pass")]),
  ...number(6, 1),
]);
const signal = (message) => readSignal(new Uint8Array(message));

test("LiveKit's messages are read", () => {
  const { join } = signal(JOIN);
  assert.deepEqual(join.iceServers.map(({ urls }) => urls[0]), [
    "turn:203.0.113.20:443?transport=udp", "turns:turn.example.io:443?transport=tcp",
  ]);
  assert.equal(join.iceServers[1].credential, "pass");
  assert.deepEqual(signal(bytes(2, [...bytes(1, "answer"), ...bytes(2, "v=0")])), { answer: "v=0" });
  assert.deepEqual(signal(trickle(UDP, 0, 1)), { candidate: { candidate: UDP, sdpMid: "0" }, isLast: true });
  assert.equal(signal(trickle(UDP, 1, 0)), null, "of the subscriber's connection");
  assert.deepEqual(signal(bytes(8, number(2, 5))), { leave: true });
  assert.equal(signal(bytes(11, "room")), null, "a message that the page does not need");
});

test("what the page writes can be read", () => {
  const sdp = `v=0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=mid:0\r\na=end-of-candidates\r\n${"a=x\r\n".repeat(100)}`;
  const description = fields(fields(writeOffer(sdp))[1][0]);
  const written = new TextDecoder().decode(description[2][0]);
  assert.equal(written, `v=0\r\na=mid:0\r\n${"a=x\r\n".repeat(100)}`);
  assert.deepEqual(fields(fields(writeLeave())[8][0]), { 2: [1] });
});

test("hostile messages are errors, and end", () => {
  const valid = [JOIN, trickle(TCP, 0, 1), bytes(2, bytes(2, "v=0"))];
  let state = 1;
  const random = (below) => (state = (state * 48271) % 2147483647) % below;
  for (let round = 0; round < 20_000; round++) {
    let message = [...valid[round % valid.length]];
    if (round % 4 === 0) message = Array.from({ length: random(64) }, () => random(256));
    for (let change = random(4); change >= 0; change--) message[random(message.length + 1)] = random(256);
    try {
      signal(message.slice(0, random(message.length + 1)));
    } catch (error) {
      assert(error instanceof Error);
    }
  }
  assert.throws(() => fields(new Uint8Array(Array(11).fill(255))));
  assert.throws(() => fields(new Uint8Array([10, 255, 255, 255, 255, 15])));
});

test("a way gets its own candidates and relays", () => {
  assert.equal(candidateKind(TCP), "host/tcp");
  const given = WAYS.map((way) => [isOfWay(way, UDP), isOfWay(way, TCP)]);
  assert.deepEqual(given, [[true, false], [false, true], [true, false], [true, false]]);
  const { iceServers } = signal(JOIN).join;
  const urls = WAYS.map((way) => relaysOf(way, iceServers).flatMap((server) => server.urls));
  assert.deepEqual(urls, [
    [], [], ["turn:203.0.113.20:443?transport=udp"], ["turns:turn.example.io:443?transport=tcp"],
  ]);
  const door = { urls: ["turn:127.0.0.1:9?transport=tcp"] };
  assert.deepEqual(WAYS.map((way) => relaysOf(way, [door]).length), [0, 0, 0, 1]);
});

test("the pair is the transport's, or the nominated one that carried most", () => {
  const pair = (id, more) => ({ id, type: "candidate-pair", localCandidateId: "l", remoteCandidateId: "r", state: "succeeded", ...more });
  const candidates = [
    { id: "l", type: "local-candidate", candidateType: "relay", protocol: "udp", relayProtocol: "tls" },
    { id: "r", type: "remote-candidate", candidateType: "host", protocol: "udp" },
  ];
  const found = { local: "relay/udp", remote: "host/udp", relay_protocol: "tls" };
  const firefox = [pair("a", { nominated: false }), pair("b", { nominated: true, bytesSent: 9 }), ...candidates];
  assert.deepEqual(selectedPair(firefox), found);
  assert.deepEqual(selectedPair([{ id: "t", type: "transport", selectedCandidatePairId: "a" }, ...firefox]), found);
  assert.equal(selectedPair([pair("a", { nominated: false }), ...candidates]), null);
});

const ALL = { udp: true, tcp: true, "turn-udp": true, "turn-tls": true };
const FORCED = { udp: false, tcp: false, "turn-udp": false, "turn-tls": true };
const SILENT = { step: "answer", end: "limit" };
const tried = (works, rest = SILENT) =>
  WAYS.map((way) => (works.includes(way) ? { way, ok: true, step: "data", end: "open" } : { way, ok: false, ...rest }));

test("from results to the sentence", () => {
  const closed = { step: "none", end: "closed", close: 1006 };
  const table = [
    ["all-ways", tried(WAYS), ALL],
    ["all-ways", tried(["turn-tls"]), FORCED],
    ["some-ways", tried(["udp", "tcp", "turn-udp"]), ALL],
    ["some-ways", tried(["turn-udp"]), ALL],
    ["some-ways", tried(["udp"]), FORCED],
    ["only-tcp", tried(["tcp", "turn-tls"]), ALL],
    ["only-tcp", tried(["turn-tls"]), ALL],
    ["no-way", tried([]), ALL],
    ["no-way", tried([], { step: "join", end: "no-candidates" }), ALL],
    ["no-signalling", tried([], closed), ALL],
    ["no-signalling", tried([], closed), ALL, 299_000],
    ["wrong-clock", tried([], closed), ALL, 301_000],
    ["wrong-clock", tried([], closed), ALL, -86_400_000],
    ["all-ways", tried(WAYS), ALL, 86_400_000],
    ["not-finished", tried([], { step: "none", end: "error" }), ALL],
    ["not-finished", tried([], { step: "join", end: "error" }), ALL],
    ["not-finished", [], ALL],
  ];
  for (const [sentence, ways, expects, clockOffset = 0] of table) {
    assert.equal(sentenceOf({ ways, expects, clockOffset }), sentence, JSON.stringify(ways));
  }
});

test("a way that is closed on purpose is not red, and one that was not reached does not fail", () => {
  const state = (way, result, expects = ALL, turnName = "not-asked") => stateOf({ way, ...result }, expects, turnName);
  assert.deepEqual(state("udp", SILENT, FORCED), { mark: "none", key: "closed" });
  assert.deepEqual(state("udp", { ok: true }, FORCED), { mark: "good", key: "works" });
  assert.deepEqual(state("udp", SILENT), { mark: "bad", key: "fails", why: "why-direct" });
  assert.deepEqual(state("udp", { step: "none", end: "closed" }), { mark: "doubt", key: "untested", why: "why-signal" });
  assert.equal(state("udp", { step: "answer", end: "error" }).mark, "doubt");
  assert.equal(state("tcp", { step: "answer", end: "no-candidates" }).why, "why-not-offered");
  assert.equal(state("turn-tls", { step: "join", end: "no-candidates" }).why, "why-not-offered");
  assert.equal(state("turn-tls", { step: "answer", end: "no-candidates" }, ALL, "http").why, "why-turn-http");
  assert.equal(state("turn-tls", { step: "relay", end: "limit" }, ALL, "silent").why, "why-relay");
  assert.equal(state("turn-udp", SILENT, ALL, "http").why, "why-relay");
});

test("advice fits what was seen", () => {
  const advice = (more) => adviceFor({ sentence: "no-signalling", ways: tried([], { step: "none", end: "closed", close: 1006 }), ...more });
  assert(advice({ ways: tried([], { step: "none", end: "closed", close: 1015 }) }).includes("do-certificate"));
  assert(advice({ api: { validate: null } }).includes("do-unreachable"));
  assert(advice({ api: { validate: 200 } }).includes("do-websocket"));
  assert(advice({ api: { validate: 502 } }).includes("do-server"));
  const only = { sentence: "some-ways", ways: tried(["udp", "tcp", "turn-udp"]), turnName: "silent" };
  assert(adviceFor({ ...only, browser: "firefox" }).includes("do-try-chrome"));
  assert(!adviceFor({ ...only, browser: "chromium" }).includes("do-try-chrome"));
  assert(!adviceFor({ ...only, browser: "firefox", turnName: "http" }).includes("do-try-chrome"));
  assert(adviceFor({ sentence: "all-ways", ways: [], clockOffset: 400_000 }).includes("do-clock"));
});

test("browsers by their names", () => {
  const table = [
    ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "firefox", "140"],
    ["Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0", "chromium", "156"],
    ["Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15", "safari", "18"],
    ["curl/8", "other", ""],
  ];
  for (const [agent, name, version] of table) assert.deepEqual(browserOf(agent), { name, version });
});

test("placeholders are filled, and unknown ones stay", () => {
  assert.equal(fill("{a} and {b}", { a: 1 }), "1 and {b}");
});
