/* What TypeDoc's own script leaves out, for those who have no mouse and those who type fast. */
const menu = document.getElementById('tsd-toolbar-menu-trigger');

/** @param {EventTarget | null} target */
const point = (target, ...types) => {
  for (const type of types) target?.dispatchEvent(new Event(type, { bubbles: true, cancelable: true }));
};

// The menu of a narrow screen opens at the end of a touch or click alone: Enter does nothing.
menu?.setAttribute('role', 'button');
menu?.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' && event.key !== ' ') return;
  event.preventDefault();
  point(menu, 'mouseup', 'touchend', 'pointerup');
  /** @type {HTMLElement | null} */ (document.querySelector('.site-menu a'))?.focus();
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !document.documentElement.classList.contains('has-menu')) return;
  point(document.body, 'mousedown', 'touchstart', 'pointerdown');
  menu?.focus();
});

// What is typed before the index is loaded finds nothing, and is not looked up again.
const field = /** @type {HTMLInputElement | null} */ (document.getElementById('tsd-search-input'));
const results = document.getElementById('tsd-search-results');
field?.addEventListener('input', (event) => {
  if (!event.isTrusted) return;
  for (const delay of [400, 800, 1_600, 3_200, 6_400]) {
    setTimeout(() => field.value && results?.childElementCount === 0 && point(field, 'input'), delay);
  }
});

// On a busy machine the dialog may open without the focus.
const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById('tsd-search'));
if (dialog) new MutationObserver(() => dialog.open && field?.focus()).observe(dialog, { attributeFilter: ['open'] });

// A link inside what opens and closes a part of the navigation can't be reached by keyboard: it becomes the part's first.
const navigation = document.getElementById('tsd-nav-container');
const liftLinks = () => {
  for (const link of navigation?.querySelectorAll('summary a') ?? []) {
    const list = link.closest('details')?.querySelector('ul');
    if (!list) continue;
    const title = document.createElement('span');
    title.append(...link.childNodes);
    title.className = link.className;
    link.replaceWith(title);
    link.textContent = 'Overview';
    const item = document.createElement('li');
    item.append(link);
    list.prepend(item);
  }
};
if (navigation) new MutationObserver(liftLinks).observe(navigation, { childList: true, subtree: true });
liftLinks();
