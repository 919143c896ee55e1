// Every state of the page for users, in Chromium: `node states.mjs FOLDER URL [STATE…]`, in a folder with puppeteer-core and axe-core. URL is
// the page with a code. Its server's answers, LiveKit and WebRTC are faked, so that each state can be had. In light, dark and
// forced colours, at the widths of phones and screens, and at 400 % zoom: what axe and the browser complain of, and that the page
// says what it should. Leaves screenshots in FOLDER.

import fs from "node:fs";
import path from "node:path";
import puppeteer from "puppeteer-core";

const [folder, url] = process.argv.slice(2);
const axe = fs.readFileSync("node_modules/axe-core/axe.min.js", "utf8");
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(fs.existsSync);
// Only these states, if any are named.
const only = process.argv.slice(4);
const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox"] });
const complaints = [];
// Where the page may connect to LiveKit.
const policy = (await fetch(url)).headers.get("content-security-policy");
const server = /wss?:[^ ;]+/.exec(policy)[0];
const WAYS = ["udp", "tcp", "turn-udp", "turn-tls"];

// What each way does: works, fails, closes (no WebSocket), breaks (an error of the page) or waits.
const ways = (...all) => Object.fromEntries(WAYS.map((way, index) => [way, all[index] ?? all[0]]));
const refusals = [
  "code-unknown", "code-used", "code-expired", "code-required", "too-many", "busy", "malformed", "wrong-origin", "server", "offline",
];
const states = [
  { name: "start", shows: "begin" },
  { name: "start-open", address: new URL("/", url).href, shows: "begin" },
  { name: "running", ways: ways("works", "waits", "waits", "waits"), shows: "testing" },
  { name: "all-ways", ways: ways("works") },
  { name: "closed-on-purpose", ways: ways("fails", "fails", "fails", "works"), expects: ["turn-tls"], shows: "all-ways" },
  { name: "some-ways", ways: ways("works", "fails", "fails", "fails") },
  { name: "only-tcp", ways: ways("fails", "works", "fails", "fails") },
  { name: "no-way", ways: ways("fails") },
  { name: "no-signalling", ways: ways("closes") },
  { name: "websocket-blocked", ways: ways("closes"), api: 200, shows: "no-signalling", advises: "do-websocket" },
  { name: "api-broken", ways: ways("closes"), api: 502, shows: "no-signalling", advises: "do-server" },
  { name: "wrong-clock", ways: ways("closes"), clock: 3_600_000 },
  { name: "not-finished", ways: ways("breaks") },
  { name: "firefox-same-machine", ways: ways("fails"), sentence: "firefox-same-machine", advises: "do-chrome" },
  { name: "not-sent", ways: ways("works"), report: "full", shows: "all-ways", says: "not-sent" },
  { name: "on-request", ways: ways("works"), sends: false, shows: "all-ways" },
  { name: "no-webrtc", hasNoWebRtc: true, ways: ways("works"), shows: "no-webrtc" },
  ...refusals.map((word) => ({ name: word, refusal: word, shows: `error-${word}` })),
  { name: "no-script", hasNoScript: true, shows: "noscript" },
];
const looks = {
  light: [["prefers-color-scheme", "light"]],
  dark: [["prefers-color-scheme", "dark"]],
  forced: [["prefers-color-scheme", "dark"], ["forced-colors", "active"], ["prefers-reduced-motion", "reduce"]],
};
// The last is a window of 1280 × 1024 at 400 %.
const windows = [[320, 700], [768, 900], [1280, 900], [320, 256]];

// Runs in the page, before its scripts: a LiveKit and a WebRTC of which each way does what the plan says.
function fake(plan) {
  const field = (number, content) => [number * 8 + 2, content.length, ...content];
  const text = (number, content) => field(number, new TextEncoder().encode(content));
  const message = (content) => ({ data: new Uint8Array(content).buffer });
  const relay = (scheme) => field(5, text(1, `${scheme}:turn.example.io`));
  const [join, answer] = [field(1, [...relay("turn"), ...relay("turns")]), field(2, [...text(1, "answer"), ...text(2, "v=0")])];
  let turn = 0;
  let joining;
  class Socket {
    static OPEN = 1;
    constructor(url) {
      const does = plan[/access_token=([^&]*)/.exec(url)[1]];
      // One after the other: a connection is made for the way that joined last.
      const soon = (work) => setTimeout(work, (turn += 20));
      if (does === "waits") return;
      if (does === "closes") return soon(() => this.onclose({ code: 1006 })), this;
      soon(() => { this.readyState = 1; this.onopen(); joining = does; this.onmessage(message(join)); });
      soon(() => this.onmessage(message(answer)));
    }
    send() {}
    close() {}
  }
  class Peer {
    constructor() { this.does = joining; this.channel = {}; }
    createDataChannel() { return this.channel; }
    async createOffer() { if (this.does === "breaks") throw new Error("no offer"); }
    async setLocalDescription() { this.localDescription = { sdp: "v=0" }; }
    async getStats() { return new Map(); }
    async setRemoteDescription() {
      this.connectionState = this.does === "works" ? "connected" : "failed";
      this.onconnectionstatechange();
      if (this.does === "works") this.channel.onopen();
    }
    close() {}
  }
  Object.assign(window, { WebSocket: Socket, RTCPeerConnection: plan === null ? undefined : Peer });
}

// The answers of the servers: of the page's own, LiveKit's and TURN's.
function answer(asked, state) {
  const json = (body, status = 200) =>
    asked.respond({ status, contentType: "application/json", headers: { "access-control-allow-origin": "*" }, body: JSON.stringify(body) });
  const to = new URL(asked.url());
  if (to.pathname.endsWith("/rtc/validate")) return state.api ? json("x", state.api) : asked.abort();
  if (to.pathname.endsWith("/visit")) {
    if (state.refusal === "offline") return asked.abort();
    if (state.refusal) return json({ error: state.refusal }, state.refusal === "server" ? 500 : 403);
    const isExpected = (way) => [way, state.expects?.includes(way) ?? true];
    return json({
      visit: "0123456789abcdef", now: Date.now() - (state.clock ?? 0), server,
      domain: "openvidu.example.io", turn_probe: null, tokens: Object.fromEntries(WAYS.map((way) => [way, way])),
      limits: { socket_ms: 60_000, direct_ms: 60_000, relay_ms: 60_000 },
      expects: Object.fromEntries(WAYS.map(isExpected)), sends: state.sends ?? true,
    });
  }
  if (to.pathname.endsWith("/report")) {
    if (state.report) return json({ error: state.report }, 507);
    const letter = "openvidu.example.io, 2026-11-30 12:00 UTC\n\nUDP 443 to 203.0.113.20 is blocked.";
    return json({ code: state.sends === false ? null : "7F4K-9QWD", for_it: letter, sentence: state.sentence ?? null });
  }
  return to.origin === new URL(url).origin ? asked.continue() : asked.abort();
}

// The page as a browser without scripts shows it; axe is a script.
async function withoutScripts(asked) {
  const html = await (await fetch(asked.url())).text();
  const body = html.replace(/<script type="module".*?<\/script>/s, "").replaceAll("noscript>", "div>");
  return asked.respond({ status: 200, contentType: "text/html; charset=utf-8", body });
}

async function open(state, language) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(`${state.name}: ${error.message}`));
  // A refusal is a status, which the browser logs too.
  page.on("console", (said) => {
    if (!/Failed to load resource/.test(said.text())) complaints.push(`${state.name}: ${said.text()}`);
  });
  await page.setRequestInterception(true);
  page.on("request", (asked) => {
    if (state.hasNoScript && asked.isNavigationRequest()) return withoutScripts(asked);
    return answer(asked, state);
  });
  await page.evaluateOnNewDocument(fake, state.hasNoWebRtc ? null : state.ways ?? {});
  await page.goto(`${state.address ?? url}?lang=${language}`);
  if (!state.ways && !state.refusal) return page;
  await page.waitForSelector("#start:not([hidden])");
  await page.click("#begin");
  const isThere = state.name === "running"
    ? () => document.querySelectorAll(".good").length === 1
    : () => ["verdict", "error"].includes(document.activeElement?.id);
  await page.waitForFunction(isThere, { timeout: 20_000 });
  // Until the answer to the report is shown.
  const sending = (await page.evaluate(() => JSON.parse(document.getElementById("text").textContent))).sending;
  await page.waitForFunction((sending) => document.getElementById("sent").textContent !== sending, { timeout: 20_000 }, sending);
  if (state.sentence) await page.waitForFunction(() => document.getElementById("advice").children.length === 2, { timeout: 20_000 });
  return page;
}

// Whether the page shows the texts that the state is about.
async function checkTexts(page, { name, shows = name, advises, says }, where) {
  const lacking = await page.evaluate((keys) => {
    const texts = JSON.parse(document.getElementById("text").textContent);
    const shown = document.body.innerText.replace(/\s+/g, " ");
    const isShown = (key) => texts[key].split(/\{\w+\}/).every((piece) => shown.includes(piece.trim()));
    return keys.filter((key) => !isShown(key));
  }, [shows, advises, says].filter(Boolean));
  for (const key of lacking) complaints.push(`${where}: does not show the text ${key}`);
}

async function check(page, state, language) {
  const client = await page.createCDPSession();
  for (const [look, features] of Object.entries(looks)) {
    // Another language differs only in the length of its words.
    if (language !== "en" && look !== "light") continue;
    await client.send("Emulation.setEmulatedMedia", { features: features.map(([name, value]) => ({ name, value })) });
    for (const [width, height] of windows) {
      const where = `${state.name}, ${language}, ${look}, ${width} × ${height}`;
      await page.setViewport({ width, height });
      if (await page.evaluate(() => document.scrollingElement.scrollWidth > innerWidth)) complaints.push(`${where}: wider than the window`);
      if (language !== "en" || width === 768) continue;
      const shot = path.join(folder, `state-${state.name}-${look}-${width}x${height}.png`);
      await page.screenshot({ path: shot, fullPage: height !== 256 });
      if (height === 256) continue;
      await page.evaluate(axe);
      const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
      for (const { id, help, nodes } of found.violations) complaints.push(`${where}: axe ${id}: ${help}: ${nodes[0].html}`);
    }
    const isMoving = await page.evaluate(() => document.getAnimations().length > 0);
    if (isMoving === (look === "forced") && state.name === "running") complaints.push(`${state.name}, ${look}: moves is ${isMoving}`);
  }
}

for (const language of ["en", "de"]) {
  for (const state of states.filter(({ name }) => only.length === 0 || only.includes(name))) {
    try {
      const page = await open(state, language);
      await checkTexts(page, state, `${state.name}, ${language}`);
      await check(page, state, language);
      await page.close();
    } catch (error) {
      complaints.push(`${state.name}, ${language}: ${error.message}`);
    }
  }
}
await browser.close();
for (const complaint of complaints) console.error(complaint);
console.log(`${states.length} states of the page for users, ${complaints.length} complaints`);
process.exit(complaints.length > 0 ? 1 : 0);
