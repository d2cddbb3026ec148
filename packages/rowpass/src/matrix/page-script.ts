/**
 * What the page does in a browser: filters, and the details of a cell. Everything is text to it; nothing becomes markup.
 */

/** The script of the page, as it stands there. */
export const pageScript = `'use strict';
const { texts, cells } = JSON.parse(document.getElementById('data').textContent);
const dialog = document.querySelector('dialog');
const detail = document.getElementById('detail');

function add(parent, name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  parent.append(node);
  return node;
}

function show(button) {
  const [sentence, notes, policies, attempts] = cells[button.id];
  const line = button.closest('tr').querySelector('th').textContent;
  const table = button.closest('section').querySelector('h2').textContent;
  detail.replaceChildren();
  add(detail, 'p', line, 'kind');
  add(detail, 'h2', button.parentElement.dataset.command + ' on ' + table).id = 'detail-title';
  add(detail, 'p', texts[sentence], 'sentence ' + button.className);
  for (const note of notes) add(detail, 'p', texts[note], 'note');
  add(detail, 'h3', 'Policies for this role and command');
  if (policies.length === 0) add(detail, 'p', 'none', 'note');
  else {
    const list = add(detail, 'p', undefined, 'policies');
    for (const policy of policies) add(list, 'code', texts[policy]);
  }
  add(detail, 'h3', 'What was run');
  if (attempts.length === 0) add(detail, 'p', 'nothing', 'note');
  for (const [says, sql, outcome, rows, error] of attempts) {
    const item = add(detail, 'div', undefined, 'attempt');
    const head = add(item, 'p');
    add(head, 'span', texts[says]);
    add(head, 'b', texts[outcome] + (rows === null ? '' : ', ' + rows + (rows === 1 ? ' row' : ' rows')));
    add(item, 'pre', texts[sql]);
    if (texts[error]) add(item, 'p', texts[error], 'error');
  }
  dialog.showModal();
  dialog.scrollTop = 0;
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('td button');
  if (button) show(button);
  else if (event.target === dialog) dialog.close();
  const link = event.target.closest('a[href^="#c-"]');
  if (!link) return;
  event.preventDefault();
  reset();
  const target = document.getElementById(link.hash.slice(1));
  target.scrollIntoView({ block: 'center' });
  target.focus({ preventScroll: true });
  show(target);
});

const form = document.querySelector('.controls');
const sections = [...document.querySelectorAll('section.table')];

function filter() {
  const identity = form.elements.identity.value;
  const name = form.elements.table.value.trim().toLowerCase();
  const crossing = form.elements.crossing.checked;
  let shown = 0;
  for (const section of sections) {
    let any = false;
    const named = section.dataset.name.includes(name);
    for (const row of section.querySelectorAll('tbody tr')) {
      const matches = named && (identity === '' || row.dataset.identity === identity) && (!crossing || row.querySelector('.crossing') !== null);
      row.hidden = !matches;
      any ||= matches;
    }
    section.hidden = !any;
    shown += any;
  }
  for (const fold of document.querySelectorAll('details')) {
    const found = fold.querySelector('section.table:not([hidden])') !== null;
    fold.hidden = !found;
    if (found && name !== '') fold.open = true;
  }
  form.querySelector('output').value = shown === sections.length ? '' : shown + ' of ' + sections.length + ' tables';
}

function reset() {
  form.reset();
  filter();
}

form.hidden = false;
form.addEventListener('input', filter);
form.addEventListener('submit', (event) => event.preventDefault());
`
