/** The experiment's pure parts: the model's day, and the chart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawChart } from '../../bench/experiment/chart.ts';
import { rateCells } from '../../bench/experiment/report.ts';
import { METHODS, SITUATIONS } from '../../bench/experiment/sample.ts';
import { distancesAt, EXPERIMENT_SITES, loadAt } from '../../bench/experiment/sites.ts';
import { seededRandom } from '../../helpers/seeded-random.ts';

test('load follows the day, with noise, and stays between nothing and all', () => {
  const random = seededRandom(1);
  const day = Array.from({ length: 24 }, (_, hour) => loadAt(hour, random));
  for (const load of day) assert.ok(load >= 0 && load <= 1);
  assert.ok((day[4] ?? 1) < (day[16] ?? 0) - 0.5);
  assert.notEqual(loadAt(4, random), loadAt(4, random));
});

test('a busy hour has less of the link, more jitter and more losses than a quiet one', () => {
  for (const site of EXPERIMENT_SITES) {
    const [quiet, busy] = [distancesAt(site, 0), distancesAt(site, 1)];
    assert.ok(busy.siteLink.bytesPerSecond < quiet.siteLink.bytesPerSecond);
    for (const road of ['far', 'near', 'miss'] as const) {
      assert.ok(busy[road].jitterMs > quiet[road].jitterMs && busy[road].lossRate > quiet[road].lossRate);
      assert.equal(busy[road].windowBytes, quiet[road].windowBytes);
    }
  }
});

const POINTS = EXPERIMENT_SITES.flatMap(({ name }) =>
  SITUATIONS.flatMap((situation) =>
    METHODS.flatMap((method) =>
      [0, 1, 2].map((hour) => ({ site: name, hour, situation, method, megabytesPerSecond: 10 + hour })),
    ),
  ),
);

test('the chart has a panel for each site, and a line for each situation and method', async () => {
  const svg = await drawChart(POINTS, { title: 'A model', subtitle: 'of distance', hourTitle: 'hour' });
  assert.match(svg, /^<svg/);
  for (const words of ['A model', 'San Diego', 'Nara', ...SITUATIONS, ...METHODS]) {
    assert.ok(svg.includes(words), words);
  }
  const lines = svg.match(/aria-roledescription="line mark"/g) ?? [];
  assert.equal(lines.length, EXPERIMENT_SITES.length * SITUATIONS.length * METHODS.length);
  assert.ok(!/NaN|undefined|Infinity/.test(svg));
});

test('rates are told by site and situation, with their spread', () => {
  const cells = rateCells(POINTS);
  assert.equal(cells.length, 1 + EXPERIMENT_SITES.length * SITUATIONS.length);
  assert.deepEqual(cells[1], ['San Diego', 'bucket', '11.0 (10.0–12.0)', '11.0 (10.0–12.0)']);
});
