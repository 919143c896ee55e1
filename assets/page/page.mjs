// The page: makes the visit, tries the four ways, shows and sends what it found.

import {
  STEPS, WAYS, adviceFor, browserOf, candidateKind, fill, isOfWay, isRelay, readSignal, relaysOf,
  selectedPair, sentenceOf, stateOf, writeLeave, writeOffer,
} from "./words.mjs";

const get = (id) => document.getElementById(id);
const data = (id) => JSON.parse(get(id).textContent);
const [texts, setup] = [data("text"), data("visit")];
const browser = browserOf(navigator.userAgent);
const values = { operator: setup.operator, domain: location.hostname, browser: navigator.userAgent };
const say = (key, more) => fill(texts[key] ?? key, { ...values, ...more });
const show = (id, is = true) => (get(id).hidden = !is);
// The visit that this page made last: the server lets this page repeat it.
let before = null;
const marks = { good: "✓", bad: "✗", none: "–", doubt: "?", running: "…" };

// --- requests to this page's server ---------------------------------------------------------------

// The answer, or a word of the contract's closed list of errors.
async function post(path, body, limit = 15_000) {
  let response;
  try {
    response = await fetch(setup.base + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(limit),
    });
  } catch {
    throw new Error("offline");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(texts[`error-${answer.error}`] ? answer.error : "server");
  return answer;
}

// --- one way --------------------------------------------------------------------------------------

function tryWay(way, visit) {
  const result = {
    way, ok: false, step: "none", ms: {}, errors: [], local: [], remote: [], pair: null, close: null, end: null,
  };
  for (const step of STEPS) result.ms[step] = null;
  const begun = performance.now();
  const since = () => Math.round(performance.now() - begun);
  const reach = (step) => {
    result.ms[step] ??= since();
    // A browser may tell of two steps in another order than they happened.
    result.step = STEPS.findLast((known) => result.ms[known] !== null);
  };
  const note = (list, kind) => list.includes(kind) || list.push(kind);

  return new Promise((resolve) => {
    let socket, peer, timer, hasAnswer = false;
    const waiting = [];
    const end = (how) => {
      if (result.end) return;
      result.end = how;
      result.ok = how === "open";
      result.ms.total = since();
      clearTimeout(timer);
      if (socket?.readyState === WebSocket.OPEN) socket.send(writeLeave());
      socket?.close();
      peer?.close();
      resolve(result);
    };
    const endAfter = (limit) => {
      clearTimeout(timer);
      timer = setTimeout(end, limit, "limit");
    };
    const noteError = (code, text, url) => {
      if (result.errors.length < 8) {
        result.errors.push({ ms: since(), code, text: String(text ?? "").slice(0, 200), url: url ?? "" });
      }
    };
    const guarded = (work) => async (event) => {
      try {
        if (!result.end) await work(event);
      } catch (error) {
        noteError(0, error);
        end("error");
      }
    };
    // A browser may reject a candidate of a kind that it does not know, and use the others.
    const add = (candidate) => peer.addIceCandidate(candidate).catch((error) => noteError(0, error));

    const endWithoutRelay = () => {
      const isGathered = hasAnswer && peer.iceGatheringState === "complete";
      // The last error event may come after the state.
      if (isGathered && isRelay(way) && result.local.length === 0) setTimeout(end, 150, "no-candidates");
    };

    const join = async ({ iceServers }) => {
      reach("join");
      const relays = relaysOf(way, iceServers);
      if (isRelay(way) && relays.length === 0) return end("no-candidates");
      peer = new RTCPeerConnection({
        iceServers: relays,
        iceTransportPolicy: isRelay(way) ? "relay" : "all",
        bundlePolicy: "max-bundle",
      });
      peer.onicecandidate = ({ candidate }) => {
        if (!candidate?.candidate) return;
        const kind = candidateKind(candidate.candidate);
        note(result.local, kind);
        if (kind.startsWith("relay/")) reach("relay");
      };
      peer.onicecandidateerror = ({ errorCode, errorText, url }) => noteError(errorCode, errorText, url);
      peer.onicegatheringstatechange = endWithoutRelay;
      peer.oniceconnectionstatechange = () => {
        if (["connected", "completed"].includes(peer.iceConnectionState)) reach("ice");
      };
      peer.onconnectionstatechange = () => {
        if (peer.connectionState === "connected") reach("dtls");
        if (peer.connectionState === "failed") end("failed");
      };
      const channel = peer.createDataChannel("_reliable");
      channel.onopen = guarded(async () => {
        reach("data");
        result.pair = selectedPair([...(await peer.getStats()).values()]);
        end("open");
      });
      await peer.setLocalDescription(await peer.createOffer());
      socket.send(writeOffer(peer.localDescription.sdp));
    };

    // Messages are handled one after the other: a candidate may come before the answer.
    let queue = Promise.resolve();
    const handle = async (message) => {
      if (message?.join) return join(message.join);
      if (message?.leave) return end("left");
      if (message?.answer) {
        reach("answer");
        await peer.setRemoteDescription({ type: "answer", sdp: message.answer });
        hasAnswer = true;
        if (!isRelay(way)) endAfter(visit.limits.direct_ms);
        endWithoutRelay();
        for (const candidate of waiting) await add(candidate);
      }
      if (message?.candidate && isOfWay(way, message.candidate.candidate)) {
        note(result.remote, candidateKind(message.candidate.candidate));
        if (hasAnswer) await add(message.candidate);
        else waiting.push(message.candidate);
      }
      if (message?.isLast && result.remote.length === 0) end("no-candidates");
    };

    try {
      socket = new WebSocket(
        `${visit.server}/rtc?access_token=${visit.tokens[way]}&protocol=9&auto_subscribe=0&sdk=js&version=2.0`,
      );
    } catch {
      return end("error");
    }
    socket.binaryType = "arraybuffer";
    endAfter(visit.limits.socket_ms);
    socket.onopen = () => {
      reach("signal");
      // Firefox opens sockets to one host one after the other: the limit begins here.
      endAfter(isRelay(way) ? visit.limits.relay_ms : visit.limits.direct_ms);
    };
    socket.onmessage = (event) => {
      const work = guarded(() => handle(readSignal(new Uint8Array(event.data))));
      queue = queue.then(work);
    };
    socket.onclose = ({ code }) => {
      if (!result.end) result.close = code;
      end("closed");
    };
  });
}

// Tells the faults of the TURN name apart: an HTTP server stands there, nothing can be reached, or
// the connection stays silent, as with a TURN server.
async function askTurnName(url) {
  if (!url) return "not-asked";
  try {
    await fetch(url, { mode: "no-cors", cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(3000) });
    return "http";
  } catch (error) {
    return error.name === "TypeError" ? "refused" : "silent";
  }
}

// What LiveKit says of a token, where a WebSocket says only that it closed.
async function askApi(visit) {
  const token = Object.values(visit.tokens)[0];
  try {
    const url = `${visit.server.replace(/^ws/, "http")}/rtc/validate?access_token=${token}`;
    const response = await fetch(url, { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(3000) });
    // LiveKit repeats a token that it rejects.
    const said = (await response.text()).replaceAll(token, "").slice(0, 200);
    return { validate: response.status, text: said };
  } catch (error) {
    return { validate: null, text: error.name };
  }
}

// --- the test -------------------------------------------------------------------------------------

function setRow(way, { mark, key, why }, more) {
  const row = document.querySelector(`[data-way="${way}"]`);
  row.className = mark;
  row.querySelector(".sign").textContent = marks[mark];
  row.querySelector(".state").textContent = say(key, more);
  row.querySelector(".why").textContent = why ? say(why) : "";
  return `${row.querySelector(".name").textContent}: ${say(key, more)}`;
}

const inSeconds = (ms) => (ms / 1000).toLocaleString(setup.lang, { maximumFractionDigits: 1, minimumFractionDigits: 1 });

async function run(code) {
  const asked = Date.now();
  const visit = await post("visit", { code, again: before });
  before = visit.visit;
  values.domain = visit.domain;
  const clockOffset = Math.round((asked + Date.now()) / 2 - visit.now);

  show("start", false);
  show("ways");
  for (const way of WAYS) setRow(way, { mark: "running", key: "testing" });
  get("status").textContent = say("running");

  const rowOf = (result, turnName) =>
    setRow(result.way, stateOf(result, visit.expects, turnName), { seconds: inSeconds(result.ms.total - result.ms.signal) });
  let askedTurnName;
  const turnName = () => (askedTurnName ??= askTurnName(visit.turn_probe));
  let done = 0;
  const attempts = WAYS.filter((way) => visit.tokens[way]).map(async (way) => {
    const result = await tryWay(way, visit);
    const reached = result.step !== "none" && result.step !== "signal";
    const line = rowOf(result, "not-asked");
    done += 1;
    get("status").textContent = `${say("progress", { done, all: attempts.length })} ${line}`;
    if (way === "turn-tls" && !result.ok && reached && visit.expects[way]) rowOf(result, await turnName());
    return result;
  });
  const ways = await Promise.all(attempts);
  const isCutOff = ways.some(({ step }) => step === "none" || step === "signal");
  const found = {
    visit, ways, expects: visit.expects, clockOffset, browser: browser.name,
    api: isCutOff ? await askApi(visit) : null,
    turnName: askedTurnName ? await askedTurnName : "not-asked",
  };
  found.sentence = sentenceOf(found);
  conclude(found);
}

// --- the result -----------------------------------------------------------------------------------

function report(found, keep) {
  const connection = navigator.connection;
  return {
    schema: "visit-1.0",
    keep,
    browser,
    languages: navigator.languages.slice(0, 8),
    clock_offset_ms: found.clockOffset,
    page_url_origin: location.origin,
    secure_context: isSecureContext,
    ways: found.ways,
    api: found.api,
    turn_name: found.turnName,
    connection: connection
      ? { type: connection.type ?? null, effective: connection.effectiveType ?? null, rtt_ms: connection.rtt ?? null }
      : null,
    sentence: found.sentence,
    notes: "",
  };
}

function tell(found) {
  const mark = { "all-ways": "good", "some-ways": "good", "only-tcp": "caution" }[found.sentence] ?? "bad";
  get("verdict").className = mark;
  get("verdict").textContent = say(found.sentence);
  get("meaning").textContent = say(`${found.sentence}-means`);
  get("advice").replaceChildren(
    ...adviceFor(found).map((key) => {
      const item = document.createElement("li");
      item.textContent = say(key);
      return item;
    }),
  );
}

// The result in words for a person, for when the server cannot write its text.
function plainText(found) {
  const rows = [...document.querySelectorAll("[data-way]")].map((row) => {
    const [name, state, why] = [".name", ".state", ".why"].map((part) => row.querySelector(part).textContent.trim());
    return `${row.querySelector(".sign").textContent} ${name}: ${state}${why && `. ${why}`}`;
  });
  return [values.domain, new Date().toLocaleString(setup.lang, { timeZoneName: "short" }), say(found.sentence), ...rows].join("\n");
}

function setLetter(text) {
  get("letter").value = text;
  get("letter").rows = Math.min(20, text.split("\n").length + 1);
  get("mail").href = `mailto:?subject=${encodeURIComponent(say("mail-subject"))}&body=${encodeURIComponent(text)}`;
}

async function deliver(found, keep) {
  get("sent").textContent = keep ? say("sending") : "";
  try {
    const answer = await post(`visit/${found.visit.visit}/report?lang=${setup.lang}`, report(found, keep));
    if (answer.for_it) setLetter(answer.for_it);
    // Where UDP works, calls work in Firefox too.
    if (answer.sentence && texts[answer.sentence] && found.sentence === "no-way") {
      found.sentence = answer.sentence;
      tell(found);
    }
    if (keep) get("sent").textContent = say("sent", { code: answer.code ?? "" });
    show("send", !keep);
  } catch (error) {
    if (keep) get("sent").textContent = `${say("not-sent")} ${say(`error-${error.message}`)}`;
    show("send");
  }
}

function conclude(found) {
  tell(found);
  show("result");
  show("again", found.visit.repeats !== 0);
  show("no-repeat", found.visit.repeats === 0);
  setLetter(plainText(found));
  get("status").textContent = "";
  get("verdict").focus();
  get("send").onclick = () => deliver(found, true);
  deliver(found, found.visit.sends);
}

function stop(word) {
  get("error").textContent = say(`error-${word}`);
  show("error");
  get("error").focus();
}

// A browser without WebRTC: nothing is asked of the server.
function refuse() {
  show("start", false);
  show("result");
  show("help", false);
  tell({ sentence: "not-finished", ways: [], browser: browser.name });
  get("meaning").textContent = say("no-webrtc");
  get("verdict").focus();
}

async function start(event) {
  event.preventDefault();
  if (typeof RTCPeerConnection !== "function") return refuse();
  const code = get("code")?.value.trim() || setup.code;
  get("begin").disabled = true;
  show("error", false);
  show("result", false);
  show("again", false);
  show("no-repeat", false);
  try {
    await run(code || null);
  } catch (error) {
    show("ways", false);
    show("start");
    stop(texts[`error-${error.message}`] ? error.message : "page");
  }
  get("begin").disabled = false;
}

get("form").onsubmit = start;
get("again").onclick = start;
get("copy").onclick = async () => {
  get("letter").select();
  const isCopied = await navigator.clipboard?.writeText(get("letter").value).then(() => true, () => false);
  // Without the permission the text stays selected, to be copied by keys.
  get("copied").textContent = say(isCopied ? "copied" : "copy-by-keys");
};
show("start");
