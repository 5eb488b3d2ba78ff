"use strict";
// Breaks a level that is very long into strips, like a text into lines, and leads arrows round the breaks.
const Wrapping = (() => {
  const LONG = 2000, RATIO = 2.2, SHAPE = 1.9, SHORTEST = 1200, MOST_ARROWS = 4, TRACK = 7, ROOM = 16;

  // Where to break: after which rows, about evenly, where few arrows pass.
  function findBreaks(level, breadth) {
    const { items, joints, starts, ends } = level;
    const last = starts.length - 1;
    const passing = starts.map(() => 0);
    for (const joint of joints) passing[items[joint.upper].row] += 1;
    const ideal = Math.max(SHORTEST, Math.sqrt(SHAPE * level.length * (breadth + 40)));
    const target = level.length / Math.max(1, Math.round(level.length / ideal));
    const breaks = [];
    let start = starts[0], best = -1;
    for (let row = 0; row < last; row += 1) {
      const length = ends[row] - start;
      if (passing[row] > 0 && passing[row] <= MOST_ARROWS && length > 0.5 * target) best = row;
      if (best >= 0 && ends[row + 1] - start > 1.1 * target && ends[last] - ends[best] > 0.25 * target) {
        breaks.push(best);
        start = starts[best + 1];
        row = best;
        best = -1;
      }
    }
    return breaks;
  }

  function wrap(level) {
    const { items, rows, starts, ends, room } = level;
    level.detours = new Map();
    if (level.length < LONG) return;
    let low = Infinity, high = -Infinity;
    for (const item of items) {
      low = Math.min(low, item.across - item.before);
      high = Math.max(high, item.across + item.after);
    }
    if (level.length < RATIO * (high - low)) return;
    const breaks = findBreaks(level, high - low);
    if (!breaks.length) return;
    const firsts = [0, ...breaks.map((row) => row + 1)], stops = [...firsts.slice(1), rows.length];
    let bottom = 0, length = 0;
    firsts.forEach((first, strip) => {
      const stop = stops[strip];
      const inside = rows.slice(first, stop).flat().map((index) => items[index]);
      const top = Math.min(...inside.map((item) => item.across - item.before));
      const lead = strip ? ROOM + MOST_ARROWS * TRACK : 0;
      const back = starts[first] - lead;
      const down = strip ? bottom + 2 * ROOM + MOST_ARROWS * TRACK - top : 0;
      for (const item of inside) {
        item.along -= back;
        item.across += down;
      }
      for (let row = first; row < stop; row += 1) {
        starts[row] -= back;
        ends[row] -= back;
      }
      if (strip) {
        const before = firsts[strip] - 1;
        level.detours.set(before, { out: ends[before] + room[before] + ROOM, channel: bottom + ROOM, back: lead - ROOM, tracks: new Map() });
      }
      bottom = Math.max(...inside.map((item) => item.across + item.after));
      const margin = strip < firsts.length - 1 ? ROOM + room[stop - 1] + MOST_ARROWS * TRACK + ROOM : 0;
      length = Math.max(length, ends[stop - 1] + margin);
    });
    level.length = length;
    for (const index of rows[rows.length - 1]) if (items[index].kind === "exit") items[index].along = length;
  }

  // The corners of an arrow from `node` that leaves row `row` at `from` and goes on in the next strip at `to`.
  function corners(level, row, node, from, to) {
    const detour = level.detours.get(row);
    if (detour === undefined) return [];
    if (!detour.tracks.has(node)) detour.tracks.set(node, detour.tracks.size);
    const shift = TRACK * detour.tracks.get(node);
    const { out, channel, back } = detour;
    return [[out + shift, from], [out + shift, channel + shift], [back - shift, channel + shift], [back - shift, to]];
  }

  return { wrap, corners };
})();
