import { expect, test } from 'vitest';
import { isWellFormed } from '../../src/codec/well-formed.js';

test.each(['', 'plain', 'é', '\u0000', '\ud83d\ude00', '\ufffd'])('%j survives UTF-8', (text) => {
  expect(isWellFormed(text)).toBe(true);
});

test.each(['\ud83d', '\ude00', 'a\ud800b', '\ude00\ud83d'])('%j does not', (text) => {
  expect(isWellFormed(text)).toBe(false);
});
