// An SMS centre and its handsets: SMPP 3.4 as the npm package `smpp` speaks it, nothing of it written by the project.
//
//   node smsc.js SYSTEM_ID PASSWORD SOURCE     prints {"smpp": port, "control": port} in one line
//
// How badly it behaves is set over HTTP (PUT /manner), what subscribers send is told it there (POST /words), and what it
// and its handsets have seen is shown there (GET /seen). All dice are thrown from one seed.
'use strict';

const http = require('http');
const smpp = require('smpp');

const [systemId, password, source] = process.argv.slice(2);
const COUNTRY = '86';

// Shares of what happens, 0 to 1, and times in ms.
const manner = {
  lostBefore: 0,
  lostAfter: 0,
  throttled: 0,
  refused: 0,
  slow: 0,
  repeated: 0,
  dropEveryMs: 0,
  deliverMs: 150,
  slowMs: 60000,
  againMs: 1000,
};

// Numbers whose handsets never take a message, and how their receipts say so.
const failing = new Map();

const messages = new Map(); // by id
const handsets = new Map(); // by number: what arrived, in order
const words = []; // what subscribers have sent
const counts = {
  submitted: 0, taken: 0, lostBefore: 0, lostAfter: 0, throttled: 0, dropped: 0, binds: 0, wrongBinds: 0,
  receipts: 0, receiptsAgain: 0, cancels: 0, cancelled: 0, queries: 0, wordsAgain: 0, boundAtOnceMax: 0,
};
const sources = new Set();

let state = 20261127;
function chance(share) {
  // xorshift32: the same throws in every run.
  state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
  return (state >>> 0) / 4294967296 < share;
}

let bound = [];
let lastId = 0;

function bare(number) {
  return number.startsWith(COUNTRY) && number.length === 13 ? number.slice(2) : number;
}

function stamp(at) {
  const two = (value) => String(value).padStart(2, '0');
  return two(at.getFullYear() % 100) + two(at.getMonth() + 1) + two(at.getDate()) + two(at.getHours()) + two(at.getMinutes());
}

// Sends something to the ESME until it is acknowledged; sometimes once more although it was.
function tell(pdu, done) {
  const session = bound[bound.length - 1];
  const again = (ms) => setTimeout(() => tell(pdu, done), ms);
  if (!session) return void again(manner.againMs);
  let answered = false;
  const timer = setTimeout(() => { if (!answered) { answered = true; done(true); tell(pdu, done); } }, 4 * manner.againMs);
  const sent = session.deliver_sm({ ...pdu }, (answer) => {
    if (answered) return;
    answered = true;
    clearTimeout(timer);
    if (answer.command_status !== smpp.ESME_ROK) return void again(manner.againMs);
    if (chance(manner.repeated)) {
      // Its answer got lost, as it were.
      done(true);
      return void again(manner.againMs / 2);
    }
    done(false);
  });
  if (!sent && !answered) { answered = true; clearTimeout(timer); again(manner.againMs); }
}

function receipt(message) {
  const stat = { DELIVERED: 'DELIVRD', UNDELIVERABLE: 'UNDELIV', EXPIRED: 'EXPIRED', DELETED: 'DELETED' }[message.state];
  const text = `id:${message.id} sub:001 dlvrd:${message.state === 'DELIVERED' ? '001' : '000'} ` +
    `submit date:${stamp(message.at)} done date:${stamp(new Date())} stat:${stat} err:${message.error || '000'} text:`;
  const pdu = { source_addr: message.to, destination_addr: message.from, esm_class: 4, short_message: text };
  // Some centres say it in words only, some in parameters too; some give our reference back.
  if (message.number % 2 === 0) {
    pdu.receipted_message_id = message.id;
    pdu.message_state = smpp.MESSAGE_STATE[message.state];
  }
  if (message.number % 3 === 0 && message.reference !== undefined) pdu.user_message_reference = message.reference;
  counts.receipts += 1;
  tell(pdu, (again) => { if (again) counts.receiptsAgain += 1; });
}

function arrive(message) {
  if (message.state !== 'ENROUTE') return;
  const number = bare(message.to);
  const fails = failing.get(number);
  if (fails) {
    message.state = fails.state;
    message.error = fails.error;
  } else {
    message.state = 'DELIVERED';
    if (!handsets.has(number)) handsets.set(number, []);
    const part = message.udh && { reference: message.udh[2], of: message.udh[3], at: message.udh[4] };
    handsets.get(number).push({ id: message.id, text: message.text, part, coding: message.coding });
  }
  receipt(message);
}

function take(pdu) {
  lastId += 1;
  counts.taken += 1;
  const id = lastId.toString(16).padStart(8, '0');
  const body = pdu.short_message;
  const udh = body.udh && body.udh.find((element) => element[0] === 0);
  const message = {
    id, number: lastId, from: pdu.source_addr, to: pdu.destination_addr, text: body.message, udh: udh && [...udh],
    coding: pdu.data_coding, state: 'ENROUTE', at: new Date(), wants: pdu.registered_delivery,
    reference: pdu.user_message_reference, validityHours: pdu.validity_period && Math.round((pdu.validity_period - Date.now()) / 3600000),
  };
  messages.set(id, message);
  sources.add(message.from);
  setTimeout(() => arrive(message), chance(manner.slow) ? manner.slowMs : manner.deliverMs * (0.5 + (lastId % 7) / 7));
  return id;
}

function submit(session, pdu) {
  counts.submitted += 1;
  if (chance(manner.throttled)) {
    counts.throttled += 1;
    return void session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
  }
  if (chance(manner.lostBefore)) {
    counts.lostBefore += 1;
    return;
  }
  const id = take(pdu);
  if (chance(manner.lostAfter)) {
    counts.lostAfter += 1;
    return;
  }
  setTimeout(() => session.send(pdu.response({ message_id: id })), lastId % 4 === 0 ? 2 * manner.deliverMs : 5);
}

function cancel(session, pdu) {
  counts.cancels += 1;
  const meant = [...messages.values()].filter((message) => message.state === 'ENROUTE' &&
    (pdu.message_id ? message.id === pdu.message_id
      : message.from === pdu.source_addr && message.to === pdu.destination_addr));
  for (const message of meant) {
    counts.cancelled += 1;
    message.state = 'DELETED';
    receipt(message);
  }
  session.send(pdu.response({ command_status: meant.length ? smpp.ESME_ROK : smpp.ESME_RCANCELFAIL }));
}

function query(session, pdu) {
  counts.queries += 1;
  const message = messages.get(pdu.message_id);
  if (!message) return void session.send(pdu.response({ command_status: smpp.ESME_RINVMSGID }));
  session.send(pdu.response({ message_id: message.id, final_date: '', error_code: 0, message_state: smpp.MESSAGE_STATE[message.state] }));
}

const server = smpp.createServer({}, (session) => {
  let isBound = false;
  const gone = () => { bound = bound.filter((one) => one !== session); };
  session.on('error', gone);
  session.on('close', gone);
  session.on('bind_transceiver', (pdu) => {
    if (pdu.system_id !== systemId || pdu.password !== password) {
      counts.wrongBinds += 1;
      session.send(pdu.response({ command_status: smpp.ESME_RBINDFAIL }));
      return void session.close();
    }
    counts.binds += 1;
    isBound = true;
    bound.push(session);
    counts.boundAtOnceMax = Math.max(counts.boundAtOnceMax, bound.length);
    session.send(pdu.response({ system_id: 'smsc' }));
  });
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  const whenBound = (act) => (pdu) => {
    if (isBound) act(session, pdu);
    else session.send(pdu.response({ command_status: smpp.ESME_RINVBNDSTS }));
  };
  session.on('submit_sm', whenBound(submit));
  session.on('cancel_sm', whenBound(cancel));
  session.on('query_sm', whenBound(query));
});
server.on('error', (error) => { console.error(error); process.exit(1); });

let dropAt = 0;
setInterval(() => {
  if (!manner.dropEveryMs) { dropAt = 0; return; }
  const now = Date.now();
  if (!dropAt) dropAt = now + manner.dropEveryMs;
  if (now >= dropAt) {
    dropAt = now + manner.dropEveryMs;
    for (const session of [...bound]) { counts.dropped += 1; session.destroy(); }
  }
}, 100);

function seen() {
  const states = {};
  const undelivered = [];
  for (const message of messages.values()) {
    states[message.state] = (states[message.state] || 0) + 1;
    if (message.state !== 'DELIVERED') undelivered.push({ id: message.id, to: bare(message.to), state: message.state, error: message.error });
  }
  return {
    counts, states, undelivered, bound: bound.length, sources: [...sources], words: words.length,
    wordsPending: words.filter((one) => !one.done).length, handsets: Object.fromEntries(handsets),
    unasked: [...messages.values()].filter((message) => message.wants !== 1).length,
    validityHours: [...new Set([...messages.values()].map((message) => message.validityHours))],
  };
}

function hear(one) {
  const entry = { ...one, done: false };
  words.push(entry);
  const pdu = { source_addr: COUNTRY + one.from, destination_addr: source, esm_class: 0, short_message: one.text };
  // Latin words in the default alphabet, others in UCS2.
  pdu.data_coding = /^[\x20-\x7e]*$/.test(one.text) ? 0 : 8;
  tell(pdu, (again) => { entry.done = true; if (again) counts.wordsAgain += 1; });
}

const control = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : undefined;
    let answer = {};
    if (request.method === 'GET' && request.url === '/seen') answer = seen();
    else if (request.method === 'PUT' && request.url === '/manner') answer = Object.assign(manner, body);
    else if (request.method === 'PUT' && request.url === '/failing') failing.set(body.number, body);
    else if (request.method === 'POST' && request.url === '/words') hear(body);
    else response.statusCode = 404;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
});

server.listen(0, '127.0.0.1', () => {
  control.listen(0, '127.0.0.1', () => {
    console.log(JSON.stringify({ smpp: server.address().port, control: control.address().port }));
  });
});
