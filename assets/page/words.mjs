// What the page decides, without DOM and network: LiveKit's messages, candidates, the sentence.

export const WAYS = ["udp", "tcp", "turn-udp", "turn-tls"];
// What a way that works goes through, in this order.
export const STEPS = ["signal", "join", "answer", "relay", "ice", "dtls", "data"];
export const isRelay = (way) => way.startsWith("turn");

// --- LiveKit's signalling (livekit_rtc.proto): the fields that a join needs -----------------------

// The fields of a protobuf message: { number: [value, …] }, bytes for length-delimited fields and
// numbers for varints. Throws on bytes that are no message.
export function fields(bytes) {
  const found = {};
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let power = 1, count = 0; count < 10; power *= 128, count++) {
      if (at >= bytes.length) throw new Error("message ends early");
      const byte = bytes[at++];
      value += (byte & 127) * power;
      if (byte < 128) return value;
    }
    throw new Error("number too long");
  };
  const take = (size) => {
    if (size > bytes.length - at) throw new Error("message ends early");
    at += size;
    return bytes.subarray(at - size, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key % 8;
    let value;
    if (kind === 0) value = varint();
    else if (kind === 1) value = take(8);
    else if (kind === 2) value = take(varint());
    else if (kind === 5) value = take(4);
    else throw new Error(`unknown kind ${kind}`);
    (found[Math.floor(key / 8)] ??= []).push(value);
  }
  return found;
}

const text = (values) => (values?.length ? new TextDecoder().decode(values.at(-1)) : "");
const part = (values) => fields(values.at(-1));

// SignalResponse: what the page needs of it, or null.
export function readSignal(bytes) {
  const signal = fields(bytes);
  if (signal[1]) {
    const iceServers = (part(signal[1])[5] ?? []).map(fields).map((server) => ({
      urls: (server[1] ?? []).map((url) => text([url])),
      username: text(server[2]),
      credential: text(server[3]),
    }));
    return { join: { iceServers } };
  }
  if (signal[2]) return { answer: text(part(signal[2])[2]) };
  if (signal[4]) {
    const trickle = part(signal[4]);
    // Target 1 is the subscriber's connection, which the page leaves alone.
    if (trickle[2]?.at(-1)) return null;
    const json = text(trickle[1]);
    return { candidate: json ? JSON.parse(json) : null, isLast: Boolean(trickle[3]?.at(-1)) };
  }
  return signal[8] ? { leave: true } : null;
}

function bytesField(number, content) {
  const size = [];
  for (let rest = content.length; ; rest >>= 7) {
    if (rest < 128) {
      size.push(rest);
      break;
    }
    size.push((rest & 127) | 128);
  }
  return [number * 8 + 2, ...size, ...content];
}

// SignalRequest with an offer. Without our candidates the server opens no way from its side.
export function writeOffer(sdp) {
  const bare = sdp.replace(/^a=(candidate:.*|end-of-candidates)\r?\n/gm, "");
  const utf8 = new TextEncoder();
  const description = [...bytesField(1, utf8.encode("offer")), ...bytesField(2, utf8.encode(bare))];
  return new Uint8Array(bytesField(1, description));
}

// SignalRequest that leaves; reason 1: by the client's wish.
export const writeLeave = () => new Uint8Array([66, 2, 16, 1]);

// --- one way --------------------------------------------------------------------------------------

// "host/udp": kind and protocol of a candidate line, never its address.
export function candidateKind(line) {
  const words = line.split(" ");
  return `${words[words.indexOf("typ") + 1]}/${(words[2] ?? "").toLowerCase()}`;
}

// Whether a candidate of the server may be given to the browser. Relays send UDP to the server.
export const isOfWay = (way, line) => candidateKind(line).endsWith(way === "tcp" ? "/tcp" : "/udp");

// The relays of the server that belong to this way.
export function relaysOf(way, iceServers) {
  if (!isRelay(way)) return [];
  // Of TLS, the demo leaves out what only trusted certificates allow: its door is TURN over TCP.
  const isTls = (url) => url.startsWith("turns:") || url.includes("transport=tcp");
  const belongs = (url) => (way === "turn-tls" ? isTls(url) : url.startsWith("turn:") && !isTls(url));
  return iceServers
    .map((server) => ({ ...server, urls: server.urls.filter(belongs) }))
    .filter((server) => server.urls.length > 0);
}

// The nominated pair in the entries of getStats.
export function selectedPair(entries) {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const named = entries.find((entry) => entry.type === "transport")?.selectedCandidatePairId;
  const pair =
    byId.get(named) ??
    entries
      .filter(({ type, nominated, state }) => type === "candidate-pair" && nominated && state === "succeeded")
      .sort((one, other) => (other.bytesSent ?? 0) - (one.bytesSent ?? 0))[0];
  const [local, remote] = [byId.get(pair?.localCandidateId), byId.get(pair?.remoteCandidateId)];
  if (!local || !remote) return null;
  const kind = (candidate) => `${candidate.candidateType}/${candidate.protocol}`;
  return { local: kind(local), remote: kind(remote), relay_protocol: local.relayProtocol ?? null };
}

// Whether LiveKit let the way into its room, so that what comes after is about media.
export const hasJoined = ({ step }) => step !== "none" && step !== "signal";

// --- words ----------------------------------------------------------------------------------------

const CLOCK_LIMIT_MS = 5 * 60 * 1000;
export const isClockWrong = (offset) => Math.abs(offset ?? 0) > CLOCK_LIMIT_MS;

// The result in one word. `expects[way]` is false for a way that the operator closed on purpose.
export function sentenceOf({ ways, expects, clockOffset }) {
  if (ways.length === 0) return "not-finished";
  const works = (way) => ways.some((tried) => tried.way === way && tried.ok);
  const expected = WAYS.filter((way) => expects[way]);
  if (expected.length > 0 && expected.every(works)) return "all-ways";
  if (works("udp") || works("turn-udp")) return "some-ways";
  if (WAYS.some(works)) return "only-tcp";
  // An error of the browser or of the page says nothing about the network.
  if (ways.every(({ end }) => end === "error")) return "not-finished";
  if (ways.some(hasJoined)) return "no-way";
  return isClockWrong(clockOffset) ? "wrong-clock" : "no-signalling";
}

// How a way ended, for its row: a class of style and the key of a text.
export function stateOf({ way, ok, step, end }, expects, turnName) {
  if (ok) return { mark: "good", key: "works" };
  if (!expects[way]) return { mark: "none", key: "closed" };
  if (end === "error") return { mark: "doubt", key: "untested", why: "why-error" };
  if (!hasJoined({ step })) return { mark: "doubt", key: "untested", why: "why-signal" };
  const isOffered = end !== "no-candidates" || (isRelay(way) && step !== "join");
  const why =
    !isOffered ? "not-offered"
    : way === "turn-tls" && step !== "relay" && turnName !== "not-asked" ? `turn-${turnName}`
    : isRelay(way) ? "relay"
    : "direct";
  return { mark: "bad", key: "fails", why: `why-${why}` };
}

// Keys of what the user can do.
export function adviceFor({ sentence, ways, api, turnName, clockOffset, browser }) {
  const advice = {
    "all-ways": ["do-all-ways"],
    "some-ways": ["do-some-ways"],
    "only-tcp": ["do-network", "do-vpn", "do-it"],
    "no-way": ["do-network", "do-vpn", "do-it"],
    "no-signalling": signallingAdvice(ways, api),
    "wrong-clock": ["do-clock"],
    "not-finished": ["do-browser"],
    "firefox-same-machine": ["do-chrome", "do-operator"],
  }[sentence];
  const failed = (way) => ways.some((tried) => tried.way === way && !tried.ok);
  const asksChrome = browser === "firefox" && failed("turn-tls") && turnName === "silent";
  if (asksChrome && sentence !== "firefox-same-machine") advice.push("do-try-chrome");
  if (isClockWrong(clockOffset) && sentence !== "wrong-clock") advice.push("do-clock");
  return advice;
}

// 1015: TLS failed. What `rtc/validate` answers tells the rest apart.
function signallingAdvice(ways, api) {
  if (ways.some(({ close }) => close === 1015)) return ["do-certificate", "do-network", "do-it"];
  if (!api?.validate) return ["do-unreachable", "do-network", "do-it"];
  return api.validate === 200 ? ["do-websocket", "do-network", "do-it"] : ["do-server"];
}

export function browserOf(agent) {
  const known = [
    ["firefox", /Firefox\/(\d+)/],
    ["chromium", /Chrom(?:e|ium)\/(\d+)/],
    ["safari", /Version\/(\d+).*Safari\//],
  ];
  for (const [name, pattern] of known) {
    const version = pattern.exec(agent)?.[1];
    if (version) return { name, version };
  }
  return { name: "other", version: "" };
}

// The text with its placeholders filled.
export const fill = (template, values) =>
  template.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
