#!/usr/bin/env node
// A verifier of a ledger's logs in one file, with nothing but Node.js (18 or later) and its own node:crypto.
//
//   node verify.mjs receipt ENTRY PROOF VKEY     two files and a verifier key (or a file with one a line)
//   node verify.mjs log DIR [VKEYS]              an exported folder; VKEYS: a file of trusted keys, one a line
//
// Formats: c2sp.org/signed-note, tlog-checkpoint, tlog-tiles, tlog-proof; RFC 6962 trees; entries as in
// contracts/formats/entry.md. Of the two signatures it checks the Ed25519 one (type 0x01): node:crypto has no ML-DSA-44
// yet, and a note says that unknown keys are ignored. The last line is the verdict; exit 0 only if all holds.
import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

class Refused extends Error {
  constructor(law, detail) {
    super(detail);
    this.law = law;
  }
}

// ---- hashes and trees (RFC 6962 section 2.1) ------------------------------------------------------------------------

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const leafHash = (leaf) => sha256(Buffer.of(0), leaf);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);

// The peaks of a growing tree, smallest last: [height, hash].
class Tree {
  size = 0;
  peaks = [];
  append(hash) {
    this.size++;
    let height = 0;
    while (this.peaks.length && this.peaks.at(-1)[0] === height) {
      hash = nodeHash(this.peaks.pop()[1], hash);
      height++;
    }
    this.peaks.push([height, hash]);
  }
  root() {
    if (!this.peaks.length) return sha256();
    return this.peaks.map(([, hash]) => hash).reduceRight((right, left) => nodeHash(left, right));
  }
}

// RFC 9162 section 2.1.3.2; numbers may pass 2^31, so no shifts.
function rootFromPath(hash, index, size, path) {
  let [fn, sn] = [BigInt(index), BigInt(size) - 1n];
  for (const sibling of path) {
    if (sn === 0n) throw new Refused("L2", "inclusion proof: expected fewer hashes, got more");
    if (fn & 1n || fn === sn) {
      hash = nodeHash(sibling, hash);
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  if (sn !== 0n) throw new Refused("L2", "inclusion proof: expected more hashes, got fewer");
  return hash;
}

// ---- notes and checkpoints ------------------------------------------------------------------------------------------

function base64(text, what) {
  const content = Buffer.from(text, "base64");
  if (content.toString("base64") !== text) throw new Refused("L6", `${what}: expected canonical base64, got another text`);
  return content;
}

// The Ed25519 keys among verifier keys, one a line: `name+id+base64(type || key)`.
function parseKeys(lines) {
  return lines.trim().split("\n").flatMap((line) => {
    const [name, id, ...rest] = line.split("+");
    const typed = base64(rest.join("+"), "verifier key");
    if (sha256(`${name}\n`, typed).subarray(0, 4).toString("hex") !== id) {
      throw new Refused("L6", `verifier key of ${name}: expected its own id, got ${id}`);
    }
    if (typed[0] !== 1 || typed.length !== 33) return [];
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), typed.subarray(1)]);
    return [{ name, id, line, key: createPublicKey({ key: der, format: "der", type: "spki" }) }];
  });
}

// The checkpoint that one of the keys signed, named as its origin.
function openCheckpoint(note, keys) {
  const bytes = note.toString("utf8");
  if (!Buffer.from(bytes).equals(note)) throw new Refused("L6", "note: expected UTF-8, got other bytes");
  const blank = bytes.lastIndexOf("\n\n");
  const text = bytes.slice(0, blank + 1);
  const lines = bytes.slice(blank + 2).split("\n");
  if (blank < 0 || lines.pop() !== "" || !lines.length || lines.length > 100) throw new Refused("L6", "note: expected a text and signatures, got none");
  let signed = false;
  for (const line of lines) {
    const [dash, name, encoded, ...more] = line.split(" ");
    if (dash !== "—" || !encoded || more.length) throw new Refused("L6", "note: expected signature lines, got another line");
    const content = base64(encoded, "signature");
    const known = keys.find((key) => key.name === name && key.id === content.subarray(0, 4).toString("hex"));
    if (!known) continue;
    if (!verifySignature(null, Buffer.from(text), known.key, content.subarray(4))) {
      throw new Refused("L6", `signature of ${name}: expected a valid one, got one that is not`);
    }
    signed ||= text.startsWith(`${name}\n`);
  }
  if (!signed) throw new Refused("L6", "note: expected the signature of a known key named as its origin, got none");
  const [origin, size, root, ...rest] = text.split("\n");
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size) || rest.join("") !== "" || base64(root, "root").length !== 32) {
    throw new Refused("L6", "checkpoint: expected origin, size and root, got another text");
  }
  return { origin, size: Number(size), root: base64(root, "root") };
}

// Notes one after the other: each ends with its signature lines.
const splitNotes = (text) => text.match(/[^]*?\n\n(?:— [^\n]*\n)+/g) ?? [];

// ---- a receipt (c2sp.org/tlog-proof) --------------------------------------------------------------------------------

function verifyReceipt(entryFile, proofFile, vkey) {
  const leaf = readFileSync(entryFile);
  const proof = readFileSync(proofFile);
  const blank = proof.indexOf("\n\n");
  const [header, ...lines] = proof.subarray(0, blank).toString("ascii").split("\n");
  if (header !== "c2sp.org/tlog-proof@v1") throw new Refused("L6", "receipt: expected c2sp.org/tlog-proof@v1, got another");
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const [, index] = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? "") ?? [];
  if (index === undefined) throw new Refused("L6", "receipt: expected a line with the index, got another");
  const path = lines.map((line) => base64(line, "hash"));
  const keys = parseKeys(existsSync(vkey) ? readFileSync(vkey, "utf8") : vkey);
  const checkpoint = openCheckpoint(proof.subarray(blank + 2), keys);
  if (Number(index) >= checkpoint.size || path.some((hash) => hash.length !== 32)) {
    throw new Refused("L6", `receipt: expected an index below ${checkpoint.size} and hashes, got others`);
  }
  if (!rootFromPath(leafHash(leaf), index, checkpoint.size, path).equals(checkpoint.root)) {
    throw new Refused("L2", "receipt: expected a path to the signed root, got one to another");
  }
  const entry = parseEntry(leaf);
  if (entry.index !== Number(index) || !checkpoint.origin.endsWith(`/log/${entry.journal}`)) {
    throw new Refused("L5", `entry: expected its own place to be ${index} of ${checkpoint.origin}, got another`);
  }
  return `entry ${index} of ${checkpoint.origin}, under its checkpoint of size ${checkpoint.size}`;
}

// ---- entries --------------------------------------------------------------------------------------------------------

// RFC 8785 is JSON as JavaScript writes it, with members sorted as JavaScript sorts.
const canonical = (value) =>
  Array.isArray(value) ? `[${value.map(canonical).join(",")}]`
  : value !== null && typeof value === "object"
    ? `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`
  : JSON.stringify(value);

function parseEntry(leaf) {
  let entry;
  try {
    entry = JSON.parse(leaf.toString("utf8"));
  } catch {
    throw new Refused("L4", "entry: expected JSON, got something else");
  }
  if (!Buffer.from(canonical(entry)).equals(leaf)) throw new Refused("L4", "entry: expected canonical JSON, got another spelling");
  if (entry.format !== "iuran-entry/v1") throw new Refused("L4", "entry: expected format iuran-entry/v1, got another");
  return entry;
}

// What must add up along a journal: offsets, event keys, balances.
class Book {
  events = new Set();
  topics = new Map();
  totals = new Map();
  take(entry) {
    const { cause } = entry;
    const [part, parts] = cause.part;
    const before = this.topics.get(cause.topic) ?? { offset: -1, part: 1, parts: 1 };
    const next = before.offset + 1 + cause.since.duplicates + cause.since.gap;
    const follows = part === 1 ? before.part === before.parts && cause.offset === next
      : part === before.part + 1 && parts === before.parts && cause.offset === before.offset;
    this.topics.set(cause.topic, { offset: cause.offset, part, parts });
    if (!follows) throw new Refused("L12", `cause: expected the record after ${before.offset} of ${cause.topic}, got ${cause.offset}`);
    if (entry.event) {
      const key = `${cause.source}\n${cause.id}`;
      if (this.events.has(key)) throw new Refused("L3", "event: expected one not entered before, got one again");
      this.events.add(key);
    }
    if (entry.balances) this.add(entry.worker ?? entry.event.subject, entry);
  }
  add(worker, entry) {
    const totals = this.totals.get(worker) ?? new Map();
    const sums = new Map(totals);
    const row = (of, state) => `${of.scheme}/${of.fund} in ${of.unit} (${state})`;
    for (const of of entry.contributions ?? []) {
      const key = row(of, of.state ?? "accrued");
      sums.set(key, (sums.get(key) ?? 0) + of.amount);
    }
    const stated = new Map();
    for (const of of entry.balances) {
      for (const state of ["accrued", "credit", "drawn", "remitted", "returned", "withheld"]) {
        if (of[state]) stated.set(row(of, state), of[state]);
      }
    }
    this.totals.set(worker, stated);
    for (const key of new Set([...sums.keys(), ...stated.keys()])) {
      if ((sums.get(key) ?? 0) !== (stated.get(key) ?? 0)) {
        throw new Refused("L1", `balance of ${key}: expected ${sums.get(key) ?? 0}, got ${stated.get(key) ?? 0}`);
      }
    }
  }
}

// ---- a log ----------------------------------------------------------------------------------------------------------

function tilePath(level, number, width) {
  let path = String(number % 1000).padStart(3, "0");
  for (let rest = Math.floor(number / 1000); rest; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, "0")}/${path}`;
  }
  return `tile/${level}/${path}${width < 256 ? `.p/${width}` : ""}`;
}

function readFile(folder, path) {
  if (!existsSync(join(folder, path))) throw new Refused("L2", `${path}: expected a file, got none`);
  return readFileSync(join(folder, path));
}

function* entriesOf(folder, size) {
  for (let number = 0; number * 256 < size; number++) {
    const width = Math.min(256, size - number * 256);
    const bundle = readFile(folder, tilePath("entries", number, width));
    let at = 0;
    for (let n = 0; n < width; n++) {
      const end = at + 2 <= bundle.length ? at + 2 + bundle.readUInt16BE(at) : Infinity;
      if (end > bundle.length) throw new Refused("L2", `bundle ${number}: expected ${width} entries, got ${n}`);
      yield bundle.subarray(at + 2, end);
      at = end;
    }
    if (at !== bundle.length) throw new Refused("L2", `bundle ${number}: expected ${width} entries, got more`);
  }
}

// Every tile of hashes must be the one that these hashes make.
function checkTiles(folder, hashes) {
  for (let level = 0; hashes.length; level++) {
    const above = [];
    for (let number = 0; number * 256 < hashes.length; number++) {
      const row = hashes.slice(number * 256, number * 256 + 256);
      const path = tilePath(level, number, row.length);
      if (!readFile(folder, path).equals(Buffer.concat(row))) throw new Refused("L2", `${path}: expected the entries' hashes, got others`);
      if (row.length === 256) {
        const tree = new Tree();
        row.forEach((hash) => tree.append(hash));
        above.push(tree.root());
      }
    }
    hashes = above;
  }
}

function verifyJournal(ledger, number, trusted, say) {
  const folder = join(ledger, "log", String(number));
  const own = readFile(folder, "vkey").toString();
  const keys = parseKeys(trusted ?? own).filter((key) => own.startsWith(`${key.name}+`));
  const checkpoint = openCheckpoint(readFile(folder, "checkpoint"), keys);
  const earlier = splitNotes(existsSync(join(folder, "checkpoints")) ? readFile(folder, "checkpoints").toString() : "");
  const signed = [...earlier.map((note) => openCheckpoint(Buffer.from(note), keys)), checkpoint];
  const bySize = new Map(signed.map((one) => [one.size, one]));
  if (signed.some((one, n) => n && one.size <= signed[n - 1].size)) throw new Refused("L6", "checkpoints: expected growing sizes, got others");
  const [tree, hashes, book, named] = [new Tree(), [], new Book(), new Set()];
  let opening;
  for (const leaf of entriesOf(folder, checkpoint.size)) {
    hashes.push(leafHash(leaf));
    tree.append(hashes.at(-1));
    const index = tree.size - 1;
    const told = bySize.get(tree.size);
    if (told && !told.root.equals(tree.root())) say("L6", number, index, `checkpoint of size ${told.size}: expected the tree's root, got another`);
    try {
      const entry = parseEntry(leaf);
      if (!index) opening = entry.event?.data;
      // who may sign: the keys that entry 0 names, and those that later entries add
      const said = !index || (entry.kind === "key" && entry.event?.data?.change === "added") ? entry.event?.data : {};
      for (const line of [...(said?.own ?? []), ...(said?.vkeys ?? [])]) named.add(line);
      if (entry.index !== index || entry.journal !== number) throw new Refused("L5", "entry: expected its own place, got another");
      book.take(entry);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      say(refused.law, number, index, refused.message);
    }
  }
  checkTiles(folder, hashes);
  if (!keys.every((key) => named.has(key.line))) {
    say("L6", number, 0, "expected the journal to name its keys and those that are trusted, got another");
  }
  return { opening, entries: checkpoint.size };
}

function verifyLog(ledger, vkeys) {
  const found = [];
  const say = (law, journal, index, detail) => found.push(`${law} journal ${journal}${index === null ? "" : ` entry ${index}`}: ${detail}`);
  const trusted = vkeys && readFileSync(vkeys, "utf8");
  let [journals, entries] = [1, 0];
  for (let number = 0; number < journals; number++) {
    try {
      const done = verifyJournal(ledger, number, trusted, say);
      if (!number) journals = Math.min(done.opening?.journals ?? 1, 1024);
      entries += done.entries;
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      say(refused.law, number, null, refused.message);
    }
  }
  found.forEach((line) => console.log(line));
  if (found.length) throw new Refused("", `${found.length} findings, first: ${found[0]}`);
  return `${journals} journals, ${entries} entries`;
}

const [, , what, ...files] = process.argv;
const does = { receipt: verifyReceipt, log: verifyLog }[what];
if (!does || files.length < (what === "receipt" ? 3 : 1)) {
  console.error("usage: verify.mjs receipt ENTRY PROOF VKEY | verify.mjs log DIR [VKEYS]");
  process.exit(2);
}
try {
  console.log(`verified: ${does(...files)}`);
} catch (refused) {
  if (!(refused instanceof Refused)) throw refused;
  console.log(`NOT verified: ${refused.message}`);
  process.exitCode = 1;
}
