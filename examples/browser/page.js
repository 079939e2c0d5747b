import { BrowserClient, deltaFigure, epsilonFigure } from './tutti/tutti.js';
import { drawing, parseDigits, picture } from './digits.js';
import { parseTable } from './table.js';

const at = (id) => document.getElementById(id);
const examples = [];
/** Of so many rows one is kept aside, if the person wants that: the last of each five, so that no row changes sides when more are added. */
const ASIDE = 5;
let client;

/** Stages of a round in the order in which a person sees them. */
const stages = {
  training: [1, 'Training on your examples, in a worker of this page.'],
  trained: [2, 'Trained. Agreeing on masks with the others.'],
  evaluating: [1, 'Measuring the model on the examples that you keep aside.'],
  counted: [2, 'Measured. Agreeing on masks with the others.'],
  sending: [3, 'Sending the masked vector.'],
  contributed: [4, 'In the sum, with your share of the noise.'],
  finished: [5, 'The round is over, and its secrets are forgotten.'],
};

function show(problem) {
  at('problem').hidden = false;
  at('problem').textContent = [problem.message, problem.remedy].filter(Boolean).join(' ');
}

/** Runs what a person asked for, and tells them where it fails. */
const attempt = (action) => async () => {
  at('problem').hidden = true;
  await Promise.resolve().then(action).catch(show);
};

function add(features, label) {
  if (examples.length > 0 && features.length !== examples[0].features.length) {
    throw {
      message: `These have ${features.length} numbers each, those before them ${examples[0].features.length}.`,
      remedy: 'Load the page again to begin with other data.',
    };
  }
  examples.push({ features, label });
  at('count').textContent = String(examples.length);
}

function addDigit({ pixels, label }) {
  add(pixels, label);
  if (examples.length <= 60) at('gallery').append(picture(pixels));
}

function asExamples(rows) {
  const width = examples[0].features.length;
  const features = new Float32Array(rows.length * width);
  rows.forEach((row, index) => features.set(row.features, index * width));
  return { features, labels: Int32Array.from(rows, ({ label }) => label), count: rows.length };
}

/** What trains, and what is kept aside. */
function sides() {
  if (!at('aside').checked) return { examples: asExamples(examples) };
  const isAside = (_row, index) => index % ASIDE === ASIDE - 1;
  return {
    examples: asExamples(examples.filter((row, index) => !isAside(row, index))),
    heldOut: asExamples(examples.filter(isAside)),
  };
}

function observe(event) {
  // For whoever builds on this page.
  dispatchEvent(new CustomEvent('tutti', { detail: event }));
  const stage = stages[event.kind];
  if (stage !== undefined) {
    at('progress').value = stage[0];
    at('stage').textContent = stage[1];
  }
  if (event.kind === 'connection') {
    at('connection').textContent = event.connected ? 'Connected.' : 'Not connected; dialling again.';
  } else if (event.kind === 'refused') {
    show(event);
  } else if (event.kind === 'declined' && event.code !== 'policy.approval-pending') {
    at('stage').textContent = `This browser declined a round (${event.code}).`;
  } else if (event.kind === 'left') {
    at('stage').textContent = `The round was left (${event.code}).`;
  } else if (event.kind === 'trained' || event.kind === 'counted') {
    const own = event.kind === 'trained' ? event.update : event.counts;
    const most = own.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-9);
    paint(at('update'), own, (value) => 128 + (127 * value) / most);
  } else if (event.kind === 'sending') {
    paint(at('masked'), event.beginning, (value) => value);
    at('bytes').textContent = `: ${event.bytes.toLocaleString('en')} bytes`;
  }
  if (['offered', 'contributed', 'welcomed', 'finished'].includes(event.kind)) void showJobs();
}

function paint(canvas, values, grey) {
  const context = canvas.getContext('2d');
  const image = context.createImageData(canvas.width, canvas.height);
  for (let pixel = 0; pixel < canvas.width * canvas.height; pixel++) {
    const value = grey(values[Math.floor((pixel * values.length) / (canvas.width * canvas.height))]);
    image.data.set([value, value, value, 255], pixel * 4);
  }
  context.putImageData(image, 0, 0);
}

async function showJobs() {
  const standing = await client.standing();
  if (standing.length > 0) at('jobs').replaceChildren(...standing.map(jobCard));
}

function jobCard({ offer, agreed, contributions, epsilon }) {
  const card = document.createElement('div');
  card.className = 'job';
  const list = document.createElement('dl');
  const say = (term, text) => {
    const [dt, dd] = [document.createElement('dt'), document.createElement('dd')];
    dt.textContent = term;
    dd.textContent = text;
    list.append(dt, dd);
  };
  const { one, ten, all } = offer.epsilonAfter;
  say('Job', offer.name);
  say('For', `${offer.purpose} (${offer.controller})`);
  say('With', offer.kind === 'evaluation' ? 'the examples that you keep aside' : 'the examples that train');
  say(
    'Sends',
    `${offer.bytes.toLocaleString('en')} masked bytes a round; opened only with ${offer.minimumCohort} people or more`,
  );
  say(
    'Costs',
    `ε ${epsilonFigure(one)} for one round, ${epsilonFigure(ten)} for ten, ${epsilonFigure(all)} for all ${offer.rounds}, at δ ${deltaFigure(offer.delta)}`,
  );
  say('So far', `ε ${epsilonFigure(epsilon)} in ${contributions} rounds`);
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = agreed ? 'Take the agreement back' : 'Agree to this job';
  button.className = agreed ? 'plain' : '';
  button.dataset.agree = String(!agreed);
  button.addEventListener(
    'click',
    attempt(async () => {
      await client.agree(offer.hash, !agreed);
      await showJobs();
    }),
  );
  card.append(list, button);
  return card;
}

for (let digit = 0; digit < 10; digit++) at('digit').append(new Option(String(digit), String(digit)));
const pad = drawing(at('pad'));
at('clear').addEventListener('click', () => pad.clear());
at('add').addEventListener(
  'click',
  attempt(() => {
    addDigit({ pixels: pad.pixels(), label: Number(at('digit').value) });
    pad.clear();
  }),
);
at('csv').addEventListener(
  'change',
  attempt(async () => {
    const [file] = at('csv').files;
    if (file === undefined) return;
    const text = await file.text();
    if (/^[^\r\n]*\blabel\b/.test(text)) parseDigits(text, file.name).forEach(addDigit);
    else for (const { features, label } of parseTable(text, file.name)) add(features, label);
  }),
);
at('join').addEventListener(
  'click',
  attempt(async () => {
    if (examples.length === 0)
      throw { message: 'There is nothing to learn from yet.', remedy: 'Draw a digit, or load a file.' };
    await client.takePart(
      {
        invitation: at('invitation').value,
        ...sides(),
        policy: {
          maximumEpsilon: Number(at('epsilon').value),
          maximumDelta: 0.01,
          minimumCohort: Number(at('cohort').value),
          minimumCorruptFraction: 0,
          maximumAttempts: 2,
        },
        ...(at('backend').value !== '' && { backend: at('backend').value }),
      },
      observe,
    );
    at('leave').disabled = false;
  }),
);
at('leave').addEventListener(
  'click',
  attempt(async () => {
    await client.leave();
    at('leave').disabled = true;
    at('connection').textContent = 'Not connected.';
  }),
);

BrowserClient.open().then((opened) => {
  client = opened;
  at('fingerprint').textContent = opened.fingerprint;
  document.documentElement.dataset.ready = 'true';
  void showJobs();
}, show);
