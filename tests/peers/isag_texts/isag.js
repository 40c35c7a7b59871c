// An ISAG and the handsets behind it: SOAP 1.1 as the npm package `soap` speaks it, from the WSDL that the nodes serve;
// nothing of it written by the project.
//
//   node isag.js NUMBER SECRET     prints {"sms": port, "control": port} in one line
//
// The description of the nodes is given it over HTTP (PUT /nodes {"urls": [...]}), and so is how badly it behaves (PUT
// /manner); what subscribers send is told it there (POST /words), and what it and its handsets have seen is shown there
// (GET /seen). All dice are thrown from one seed.
'use strict';

const crypto = require('crypto');
const http = require('http');
const soap = require('soap');

const [number, secret] = process.argv.slice(2);
const CTCC_COMMON = 'http://www.chinatelecom.com.cn/schema/ctcc/common/v2_1';

// Shares of what happens, 0 to 1, and times in ms.
const manner = { lostBefore: 0, lostAfter: 0, busy: 0, repeated: 0, off: 0, silent: 0, deliverMs: 150, offMs: 7000, againMs: 700 };

const failing = new Set(); // numbers whose handsets never take a text
const texts = new Map(); // by correlator
const requests = new Map(); // the same by what is answered
const handsets = new Map(); // by number: what arrived, in order
const words = []; // what subscribers have sent
const counts = {
  submitted: 0, taken: 0, known: 0, lostBefore: 0, lostAfter: 0, busy: 0, refused: 0, wrongHeaders: 0,
  receipts: 0, receiptsAgain: 0, wordsAgain: 0, queries: 0,
};

let state = 20261128;
function chance(share) {
  // xorshift32: the same throws in every run.
  state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
  return (state >>> 0) / 4294967296 < share;
}

const md5 = (text) => crypto.createHash('md5').update(text).digest('hex').toUpperCase();
const bare = (address) => address.replace(/^tel:/, '').replace(/^\+?86/, '');

let nodes = []; // clients of their SmsNotification
let turn = 0;
let transaction = 0;

// Tells the nodes something until one has taken it; sometimes once more although it was. `first` is tried first.
async function tell(operation, body, first, done) {
  transaction += 1;
  const id = `isag-${transaction}`;
  let at = first;
  for (;;) {
    const client = nodes[at % nodes.length];
    client.clearSoapHeaders();
    const header = { spRevId: number, spRevpassword: md5(number + secret + id), spId: number, transactionId: id };
    client.addSoapHeader({ NotifySOAPHeader: header }, '', 'h', CTCC_COMMON);
    try {
      await client[`${operation}Async`](body, { timeout: 8000 });
      if (!chance(manner.repeated)) return;
      done(true);
    } catch (error) {
      // Not taken, or so it seems: another node is told.
      at += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, manner.againMs));
  }
}

function receipt(text) {
  if (text.isSilent) return; // It has to be asked.
  counts.receipts += 1;
  const about = { address: `tel:${text.to}`, deliveryStatus: text.state };
  const first = Math.max(0, nodes.findIndex((client) => client.isAt === text.endpoint));
  tell('notifySmsDeliveryReceipt', { correlator: text.correlator, deliveryStatus: about }, first, () => { counts.receiptsAgain += 1; })
    .catch((error) => { console.error(error); process.exit(1); });
}

function arrive(text) {
  text.state = failing.has(text.to) ? 'DeliveryImpossible' : 'DeliveredToTerminal';
  if (!failing.has(text.to)) {
    if (!handsets.has(text.to)) handsets.set(text.to, []);
    handsets.get(text.to).push({ id: text.id, correlator: text.correlator, text: text.words });
  }
  receipt(text);
}

function fault(code, text, variables) {
  return { Fault: {
    faultcode: code, faultstring: text, statusCode: 500,
    detail: { ServiceException: { messageId: code, text, variables } },
  } };
}

const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

function sendSms(asked, callback, headers) {
  counts.submitted += 1;
  const header = (headers && headers.RequestSOAPHeader) || {};
  if (header.spId !== number || header.spPassword !== md5(number + secret + header.timeStamp)) {
    counts.wrongHeaders += 1;
    throw fault('POL0001', 'A policy error occurred. Error code is not_authenticated', 'not_authenticated');
  }
  if (chance(manner.busy)) {
    counts.busy += 1;
    throw fault('SVC1000', 'No resources');
  }
  if (chance(manner.lostBefore)) {
    counts.lostBefore += 1;
    return; // Nothing is ever answered.
  }
  const { correlator, endpoint, interfaceName } = asked.receiptRequest;
  const to = list(asked.addresses).map((address) => bare(typeof address === 'object' ? address.$value : address));
  if (to.length !== 1 || !/^1[0-9]{10}$/.test(to[0]) || interfaceName !== 'SmsNotification') {
    counts.refused += 1;
    throw fault('SVC0004', 'No valid addresses provided in message part addresses', 'addresses');
  }
  if (texts.has(correlator)) {
    counts.known += 1;
    // Whoever asks by this name was not told the other one, by which it could ask what became of the text.
    const known = texts.get(correlator);
    if (known.isSilent) {
      known.isSilent = false;
      if (known.state !== 'MessageWaiting') receipt(known);
    }
    throw fault('SVC0005', `Correlator ${correlator} specified in message part receiptRequest is a duplicate`, correlator);
  }
  counts.taken += 1;
  const text = {
    id: crypto.createHash('sha1').update(`${counts.taken}`).digest('hex').slice(0, 20),
    correlator, endpoint, to: to[0], words: asked.message, state: 'MessageWaiting', from: asked.senderName,
  };
  const lost = chance(manner.lostAfter);
  text.isSilent = !lost && chance(manner.silent);
  texts.set(correlator, text);
  requests.set(text.id, text);
  // Some of the handsets are off, so that no receipt tells what the answer did not.
  const isOff = lost && chance(manner.off);
  setTimeout(() => arrive(text), isOff ? manner.offMs : manner.deliverMs * (0.5 + (counts.taken % 7) / 7));
  if (lost) {
    counts.lostAfter += 1;
    return;
  }
  setTimeout(() => callback({ result: text.id }), counts.taken % 4 === 0 ? 2 * manner.deliverMs : 5);
}

function getSmsDeliveryStatus(asked) {
  counts.queries += 1;
  const text = requests.get(asked.requestIdentifier);
  if (!text) throw fault('SVC0002', 'Invalid input value for message part requestIdentifier', 'requestIdentifier');
  return { result: [{ address: `tel:${text.to}`, deliveryStatus: text.state }] };
}

const door = http.createServer((request, response) => { response.statusCode = 404; response.end(); });
// What is not answered is cut off by whoever asks.
door.requestTimeout = 0;

async function knows(urls) {
  nodes = await Promise.all(urls.map(async (url) => {
    const at = `${url}/isag/services/SmsNotification`;
    const client = await soap.createClientAsync(`${at}?wsdl&names=ctcc`, { endpoint: at });
    client.isAt = at;
    return client;
  }));
  const described = `${urls[0]}/isag/services/SendSms?wsdl&names=ctcc`;
  const xml = await (await fetch(described)).text();
  const services = { SendSmsService: { SendSms: { sendSms, getSmsDeliveryStatus } } };
  await new Promise((resolve, reject) => {
    const served = soap.listen(door, {
      path: '/SendSms', services, xml, uri: described, callback: (error) => (error ? reject(error) : resolve()),
    });
    served.on('error', reject);
  });
}

function seen() {
  const states = {};
  for (const text of texts.values()) states[text.state] = (states[text.state] || 0) + 1;
  return {
    counts, states, words: words.length, wordsPending: words.filter((one) => !one.done).length,
    handsets: Object.fromEntries(handsets), senders: [...new Set([...texts.values()].map((text) => text.from))],
    endpoints: [...new Set([...texts.values()].map((text) => text.endpoint))],
  };
}

function hear(one) {
  const entry = { ...one, done: false };
  words.push(entry);
  turn += 1;
  const message = { message: one.text, senderAddress: `tel:86${one.from}`, smsServiceActivationNumber: 'tel:11888' };
  tell('notifySmsReception', { registrationIdentifier: 'mpss', message }, turn, () => { counts.wordsAgain += 1; })
    .then(() => { entry.done = true; })
    .catch((error) => { console.error(error); process.exit(1); });
}

const control = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    const body = chunks.length ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : undefined;
    let answer = {};
    try {
      if (request.method === 'GET' && request.url === '/seen') answer = seen();
      else if (request.method === 'PUT' && request.url === '/nodes') await knows(body.urls);
      else if (request.method === 'PUT' && request.url === '/manner') answer = Object.assign(manner, body);
      else if (request.method === 'PUT' && request.url === '/failing') failing.add(body.number);
      else if (request.method === 'POST' && request.url === '/words') hear(body);
      else response.statusCode = 404;
    } catch (error) {
      response.statusCode = 500;
      answer = { error: String(error && error.stack) };
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
});

door.listen(0, '127.0.0.1', () => {
  control.listen(0, '127.0.0.1', () => {
    console.log(JSON.stringify({ sms: door.address().port, control: control.address().port }));
  });
});
