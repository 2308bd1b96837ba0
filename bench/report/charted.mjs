/** What a reader looks for first; scenarios that were not run are left out. */
export const CHARTED = [
  'append-full-64',
  'append-full-256',
  'append-full-1',
  'append-normal-64',
  'mixed',
  'history-1000',
  'history-recent-50',
  'list-app',
  'runner-turn',
  'all-1000',
  'get-one',
  'get-1000',
  'many-10000-ascii',
];
