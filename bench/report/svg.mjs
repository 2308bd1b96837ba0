import * as vega from 'vega';
import { compile } from 'vega-lite';

// Each has a contrast above 3 on white and on the dark background of GitHub and of the site; text above 4.
export const TEXT = '#77808b';
export const OURS = '#2b7bbf';
export const OTHERS = '#8a939e';
const GRID = '#77808b40';

const CONFIG = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  title: { color: TEXT, subtitleColor: TEXT, anchor: 'start', fontSize: 14, subtitleFontSize: 12 },
  axis: {
    domain: false,
    ticks: false,
    gridColor: GRID,
    labelColor: TEXT,
    titleColor: TEXT,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
  },
  header: { labelColor: TEXT, labelFontSize: 12, titleColor: TEXT },
  text: { color: TEXT, fontSize: 11 },
};

/**
 * A Vega-Lite specification as SVG, without a browser and without a canvas.
 *
 * @param {object} spec
 * @param {string} label what a screen reader says
 */
export async function drawSvg(spec, label) {
  const view = new vega.View(vega.parse(compile({ ...spec, config: CONFIG }).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg.replace('<svg ', `<svg role="img" aria-label="${escaped(label)}" `)}\n`;
}

const escaped = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
