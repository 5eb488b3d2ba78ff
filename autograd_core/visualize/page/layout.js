"use strict";
// A layered layout of nested frames, from the inside out: a finished frame is one box in the layout around it, and an
// arrow that crosses its border does so at a port both know. It runs again whenever a module is opened or closed.
//
// Coordinates: `along` is the direction data flows, `across` the other one; they become x and y at the very end.
const Layout = (() => {
  const GAP = 28, PORT_GAP = 16, SEPARATION = 12, PADDING = 12, TITLE = 20, LINE = 14, LABEL_SIZE = 10;
  const SWEEPS = 8, BENDS = 20000;

  const pen = document.createElement("canvas").getContext("2d");
  function textWidth(text, size) {
    pen.font = `${size}px Helvetica, Arial, sans-serif`;
    return pen.measureText(text).width;
  }

  // What is to be seen: nodes in open modules, and a box for each closed one.
  function visible(graph, open) {
    const shown = new Array(graph.clusters.length);
    graph.clusters.forEach((cluster, index) => {
      const outer = cluster.parent === null ? { open: true } : shown[cluster.parent];
      shown[index] = outer.open
        ? (open.has(index) ? { open: true } : { open: false, box: `c${index}` })
        : { open: false, box: outer.box };
    });
    const items = new Map();
    const place = graph.nodes.map((node, index) => {
      const inside = node.cluster === null ? { open: true } : shown[node.cluster];
      const key = inside.open ? `n${index}` : inside.box;
      if (!items.has(key)) {
        const cluster = inside.open ? null : Number(inside.box.slice(1));
        const frame = inside.open ? node.cluster : graph.clusters[cluster].parent;
        const look = inside.open ? node : graph.clusters[cluster].closed;
        items.set(key, { key, frame, look, cluster, order: index, ...size(look) });
      }
      return key;
    });
    const edges = new Map();
    graph.edges.forEach((edge) => {
      const source = place[edge.source], target = place[edge.target];
      if (source === target) return;
      const key = `${source} ${target}`;
      const whole = items.get(source).cluster !== null || items.get(target).cluster !== null;
      const known = edges.get(key);
      const label = whole ? edge.label : edge.text;
      if (known === undefined) {
        edges.set(key, { source, target, labels: new Set([label]), color: edge.color, dashed: edge.dashed });
      } else {
        known.labels.add(label);
        known.dashed = known.dashed && edge.dashed;
      }
    });
    const arrows = [...edges.values()];
    for (const arrow of arrows) {
      const labels = [...arrow.labels].filter((label) => label);
      arrow.text = labels.length > 2 ? `${labels.length} shapes` : labels.join(", ");
    }
    return { items, arrows };
  }

  function size(look) {
    const widths = look.lines.map((line, index) => textWidth(line, index ? 10 : 12));
    const round = look.kind === "input" || look.kind === "output" || look.kind === "gradient" ? 12 : 0;
    return { width: Math.max(...widths) + 22 + round, height: LINE * look.lines.length + 12 };
  }

  // --- one level -------------------------------------------------------------------------------------------------

  // A level holds items {before, after, length, kind, order} and links {source, target, from, to, weight, label}.
  function arrange(level, horizontal) {
    rank(level);
    order(level);
    spread(level);
    stretch(level);
    if (horizontal) Wrapping.wrap(level);
    else level.detours = new Map();
  }

  function rank(level) {
    const { items, links } = level;
    const count = items.length;
    // Cycles are rare; what was recorded later does not lead back then.
    const pending = new Array(count).fill(0), targets = items.map(() => []);
    links.forEach((link) => { pending[link.target] += 1; targets[link.source].push(link.target); });
    let ready = items.map((_, index) => index).filter((index) => !pending[index]), done = 0;
    while (ready.length) {
      const index = ready.pop();
      done += 1;
      for (const target of targets[index]) if (!--pending[target]) ready.push(target);
    }
    const cyclic = done < count;
    for (const link of links) link.forward = !cyclic || items[link.source].order < items[link.target].order;
    const sources = items.map(() => []), open = new Array(count).fill(0), height = new Array(count).fill(0);
    for (const link of links) if (link.forward) { sources[link.target].push(link.source); open[link.source] += 1; }
    const hasExit = items.some((item) => item.kind === "exit");
    items.forEach((item, index) => { height[index] = item.kind === "exit" || !hasExit ? 0 : 1; });
    ready = items.map((_, index) => index).filter((index) => !open[index]);
    while (ready.length) {
      const index = ready.pop();
      for (const source of sources[index]) {
        height[source] = Math.max(height[source], height[index] + 1);
        if (!--open[source]) ready.push(source);
      }
    }
    let inner = 0;
    items.forEach((item, index) => { if (item.kind !== "entry") inner = Math.max(inner, height[index]); });
    const shift = items.some((item) => item.kind === "entry") ? 1 : 0;
    items.forEach((item, index) => { item.rank = item.kind === "entry" ? 0 : inner - height[index] + shift; });
    const ranks = [...new Set(items.map((item) => item.rank))].sort((a, b) => a - b);
    const row = new Map(ranks.map((value, index) => [value, index]));
    level.rows = ranks.map(() => []);
    items.forEach((item, index) => { item.row = row.get(item.rank); level.rows[item.row].push(index); });
    level.joints = [];
    let bends = 0;
    for (const link of links) {
      link.bends = [];
      if (!link.forward || items[link.target].row <= items[link.source].row) { link.direct = true; continue; }
      const missing = items[link.target].row - items[link.source].row - 1;
      if (missing > 0 && bends + missing > BENDS) { link.direct = true; continue; }
      bends += missing;
      let before = link.source, offset = link.from;
      for (let step = 1; step <= missing; step += 1) {
        const bend = items.length;
        items.push({ kind: "bend", before: 4, after: 4, length: 0, row: items[link.source].row + step });
        level.rows[items[bend].row].push(bend);
        link.bends.push(bend);
        level.joints.push({ upper: before, lower: bend, from: offset, to: 0, weight: step > 1 ? 16 : link.weight });
        before = bend;
        offset = 0;
      }
      level.joints.push({ upper: before, lower: link.target, from: offset, to: link.to, weight: link.weight });
    }
  }

  function order(level) {
    const { items, rows, joints } = level;
    const ups = items.map(() => []), downs = items.map(() => []);
    for (const joint of joints) { downs[joint.upper].push(joint); ups[joint.lower].push(joint); }
    level.ups = ups;
    level.downs = downs;
    rows.forEach((row) => {
      // Parameters stand on both sides of what flows, so that it can flow straight on.
      const leaves = row.filter((index) => items[index].leaf), others = row.filter((index) => !items[index].leaf);
      const half = Math.ceil(leaves.length / 2);
      row.splice(0, row.length, ...leaves.slice(0, half), ...others, ...leaves.slice(half));
      row.sort((a, b) => Boolean(items[b].title) - Boolean(items[a].title));
      row.forEach((index, position) => { items[index].position = position; });
    });
    const crossings = () => {
      let total = 0;
      for (const row of rows) {
        const ends = [];
        for (const index of row) {
          const lower = downs[index].map((joint) => items[joint.lower].position).sort((a, b) => a - b);
          for (const end of lower) ends.push(end);
        }
        if (ends.length > 400) continue; // counting takes quadratic time; so many arrows cross anyhow
        for (let i = 0; i < ends.length; i += 1) for (let j = 0; j < i; j += 1) if (ends[j] > ends[i]) total += 1;
      }
      return total;
    };
    let best = rows.map((row) => row.slice()), least = crossings();
    for (let sweep = 0; sweep < SWEEPS && least; sweep += 1) {
      const down = sweep % 2 === 0;
      const sequence = rows.map((_, index) => (down ? index : rows.length - 1 - index));
      for (const number of sequence) {
        const row = rows[number];
        const wish = new Map(row.map((index) => {
          const around = down ? ups[index].map((joint) => items[joint.upper].position + portShare(items[joint.upper], joint.from))
            : downs[index].map((joint) => items[joint.lower].position + portShare(items[joint.lower], joint.to));
          around.sort((a, b) => a - b);
          if (items[index].title) return [index, -Infinity];
          const middle = around.length ? (around[(around.length - 1) >> 1] + around[around.length >> 1]) / 2 : items[index].position;
          return [index, middle];
        }));
        row.sort((a, b) => (wish.get(a) === wish.get(b) ? items[a].position - items[b].position : wish.get(a) - wish.get(b)));
        row.forEach((index, position) => { items[index].position = position; });
      }
      const now = crossings();
      if (now < least) { least = now; best = rows.map((row) => row.slice()); }
    }
    level.rows = best;
    best.forEach((row) => row.forEach((index, position) => { items[index].position = position; }));
  }

  // Where on an item an arrow ends, as a part of a place: orders arrows of one large frame among themselves.
  function portShare(item, offset) {
    const extent = item.before + item.after;
    return extent ? 0.8 * offset / extent : 0;
  }

  // Places across the flow: each item where its neighbours want it, as far as those beside it allow.
  function spread(level) {
    const { items, rows, ups, downs } = level;
    for (const row of rows) {
      let edge = 0;
      for (const index of row) {
        items[index].across = edge + items[index].before;
        edge = items[index].across + items[index].after + SEPARATION;
      }
    }
    for (let sweep = 0; sweep < 12; sweep += 1) {
      const down = sweep % 2 === 0, both = sweep >= 8;
      for (let step = 0; step < rows.length; step += 1) {
        const row = rows[down ? step : rows.length - 1 - step];
        const wishes = row.map((index) => {
          let total = 0, weight = 0;
          if (down || both) for (const joint of ups[index]) {
            total += joint.weight * (items[joint.upper].across + joint.from - joint.to);
            weight += joint.weight;
          }
          if (!down || both) for (const joint of downs[index]) {
            total += joint.weight * (items[joint.lower].across + joint.to - joint.from);
            weight += joint.weight;
          }
          return weight ? { place: total / weight, weight } : { place: items[index].across, weight: 0.01 };
        });
        settle(items, row, wishes);
      }
    }
  }

  // The places nearest to the wishes, in weighted least squares, at which nothing overlaps: isotonic regression.
  function settle(items, row, wishes) {
    const shifts = [];
    let shift = 0;
    row.forEach((index, position) => {
      if (position) {
        const before = items[row[position - 1]];
        const narrow = before.kind === "bend" && items[index].kind === "bend" ? 2 : SEPARATION;
        shift += before.after + narrow + items[index].before;
      }
      shifts.push(shift);
    });
    const blocks = [];
    wishes.forEach((wish, position) => {
      let block = { sum: wish.weight * (wish.place - shifts[position]), weight: wish.weight, count: 1 };
      while (blocks.length && blocks[blocks.length - 1].sum / blocks[blocks.length - 1].weight > block.sum / block.weight) {
        const last = blocks.pop();
        block = { sum: last.sum + block.sum, weight: last.weight + block.weight, count: last.count + block.count };
      }
      blocks.push(block);
    });
    let position = 0;
    for (const block of blocks) for (let k = 0; k < block.count; k += 1, position += 1) {
      items[row[position]].across = block.sum / block.weight + shifts[position];
    }
  }

  // Places along the flow, with room for the arrows' labels right behind where they start.
  function stretch(level) {
    const { items, rows, links } = level;
    const room = rows.map(() => 0);
    for (const link of links) if (link.label && !link.direct) {
      room[items[link.source].row] = Math.max(room[items[link.source].row], link.label + 6);
    }
    level.starts = [];
    level.ends = [];
    level.room = room;
    let edge = 0;
    rows.forEach((row, number) => {
      const longest = row.reduce((most, index) => Math.max(most, items[index].length), 0);
      level.starts.push(edge);
      level.ends.push(edge + longest);
      for (const index of row) {
        const item = items[index];
        const free = longest - item.length;
        item.along = edge + (item.leaf ? free : item.kind === "entry" ? 0 : item.kind === "exit" ? free : free / 2);
      }
      edge += longest + room[number] + gapAfter(level, number);
    });
    const last = rows.length - 1;
    level.length = last < 0 ? 0 : edge - gapAfter(level, last) - room[last];
  }

  // Arrows need room to bend, but not where they only come in or go out straight on.
  function gapAfter(level, number) {
    const { items, rows, joints } = level;
    const ports = (row) => row !== undefined && row.every((index) => items[index].kind === "entry" || items[index].kind === "exit");
    if (!ports(rows[number]) && !ports(rows[number + 1])) return GAP;
    const bent = joints.some((joint) => items[joint.upper].row === number
      && Math.abs(items[joint.upper].across + joint.from - items[joint.lower].across - joint.to) > 1);
    return bent ? GAP : PORT_GAP;
  }

  // The points of a link in its level, from where it leaves its source to where it meets its target.
  function route(level, link) {
    const { items } = level;
    const source = items[link.source], target = items[link.target];
    const points = [[source.along + source.length, source.across + link.from]];
    if (!link.direct) {
      let row = source.row, across = source.across + link.from;
      const leave = (next) => {
        points.push([level.ends[row] + level.room[row], across]);
        for (const corner of Wrapping.corners(level, row, link.node, across, next)) points.push(corner);
        across = next;
        row += 1;
        points.push([level.starts[row], across]);
      };
      for (const index of link.bends) leave(items[index].across);
      leave(target.across + link.to);
    }
    points.push([target.along, target.across + link.to]);
    return points;
  }

  // --- all levels ------------------------------------------------------------------------------------------------

  function run(graph, open) {
    const { items, arrows } = visible(graph, open);
    const horizontal = graph.direction === "LR" || graph.direction === "RL";
    const reverse = graph.direction === "RL" || graph.direction === "BT";
    const top = graph.clusters.length;
    const levels = new Map();
    const demand = (frame) => {
      if (!levels.has(frame)) levels.set(frame, { frame, items: [], links: [], index: new Map(), edges: new Map() });
      return levels.get(frame);
    };
    const pathOf = (frame) => {
      const path = [];
      for (let f = frame; f !== null; f = graph.clusters[f].parent) path.unshift(f);
      return [top, ...path];
    };
    const addItem = (level, key, item) => {
      if (!level.index.has(key)) { level.index.set(key, level.items.length); level.items.push(item); }
      return level.index.get(key);
    };
    demand(top);
    for (const item of items.values()) {
      const path = pathOf(item.frame);
      for (let depth = 1; depth < path.length; depth += 1) {
        addItem(demand(path[depth - 1]), `f${path[depth]}`, { kind: "frame", inner: path[depth], order: item.order, before: 0, after: 0, length: 0 });
        const inner = demand(path[depth]);
        // Where data flows downwards, title and arrows share the upper border: the title is one of the row's items.
        if (!horizontal && !inner.items.length) {
          const title = textWidth(graph.clusters[path[depth]].label, 11) + 24;
          addItem(inner, "title", { kind: "entry", title: true, order: -1, before: 0, after: title, length: TITLE - 8 });
        }
      }
      const [breadth, length] = horizontal ? [item.height, item.width] : [item.width, item.height];
      const leaf = item.look.kind === "parameter" || item.look.kind === "input";
      addItem(demand(path[path.length - 1]), item.key, { kind: "node", item, leaf, order: item.order, before: breadth / 2, after: breadth / 2, length });
    }
    for (const arrow of arrows) {
      const from = items.get(arrow.source), to = items.get(arrow.target);
      const a = pathOf(from.frame), b = pathOf(to.frame);
      let shared = 0;
      while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared += 1;
      const weight = from.look.kind === "parameter" || from.look.kind === "input" ? 1 : arrow.dashed ? 0.5 : 4;
      arrow.parts = [];
      const add = (frame, source, target) => {
        const level = demand(frame);
        const ends = [source, target].map((key) => addItem(level, key, { kind: key[0] === "e" ? "entry" : "exit", order: key[0] === "e" ? -1 : 1e9, before: 3, after: 3, length: 0 }));
        const name = `${ends[0]} ${ends[1]} ${arrow.source}`;
        if (!level.edges.has(name)) {
          level.edges.set(name, level.links.length);
          level.links.push({ source: ends[0], target: ends[1], node: arrow.source, from: 0, to: 0, weight, label: 0 });
        }
        arrow.parts.push([level, level.edges.get(name)]);
        return level.links[level.edges.get(name)];
      };
      let key = from.key;
      for (let depth = a.length - 1; depth >= shared; depth -= 1) {
        add(a[depth], key, `x${from.key}`);
        key = `f${a[depth]}`;
      }
      const across = add(a[shared - 1], key, shared === b.length ? to.key : `f${b[shared]}`);
      if (arrow.text) across.label = Math.max(across.label, textWidth(arrow.text, LABEL_SIZE) + 6);
      arrow.labelled = arrow.parts.length - 1;
      for (let depth = shared; depth < b.length; depth += 1) {
        add(b[depth], `e${from.key}`, depth + 1 < b.length ? `f${b[depth + 1]}` : to.key);
      }
    }
    const depthOf = (level) => (level.frame === top ? 0 : pathOf(level.frame).length - 1);
    const sorted = [...levels.values()].sort((a, b) => depthOf(b) - depthOf(a));
    for (const level of sorted) {
      for (const item of level.items) if (item.kind === "frame") Object.assign(item, levels.get(item.inner).box);
      for (const link of level.links) {
        const source = level.items[link.source], target = level.items[link.target];
        if (source.kind === "frame") link.from = levels.get(source.inner).ports.get(`x${link.node}`);
        if (target.kind === "frame") link.to = levels.get(target.inner).ports.get(`e${link.node}`);
      }
      arrange(level, horizontal);
      close(level, graph, horizontal, level.frame === top);
    }
    return assemble(graph, levels, items, arrows, sorted.reverse(), horizontal, reverse, top);
  }

  // Padding, room for the title, and the ports as the level around sees them.
  function close(level, graph, horizontal, isTop) {
    const { items } = level;
    let low = Infinity, high = -Infinity;
    for (const item of items) {
      low = Math.min(low, item.across - item.before);
      high = Math.max(high, item.across + item.after);
    }
    if (!items.length) { low = 0; high = 0; level.length = 0; }
    const padding = isTop ? 0 : PADDING;
    let head = 0, lead = padding;
    let length = (level.length || 0) + 2 * padding;
    if (!isTop) {
      const title = textWidth(graph.clusters[level.frame].label, 11) + 40;
      if (horizontal) {
        head = TITLE - 4;
        lead += Math.max(0, title - length) / 2;
        length = Math.max(length, title);
      }
    }
    low -= padding + head;
    high += padding;
    const middle = (low + high) / 2;
    level.middle = middle;
    level.lead = lead;
    level.box = { before: middle - low, after: high - middle, length };
    level.ports = new Map();
    for (const [key, index] of level.index) {
      if (key[0] === "x" || key[0] === "e") level.ports.set(key, items[index].across - middle);
    }
  }

  function assemble(graph, levels, items, arrows, sorted, horizontal, reverse, top) {
    const outer = levels.get(top);
    const total = outer.box.length;
    const origin = new Map([[top, [0, 0]]]); // along of the start and across of the middle, of each level
    const point = ([along, across]) => {
      const a = reverse ? total - along : along;
      return horizontal ? [a, across] : [across, a];
    };
    const rectangle = (along, across, item) => {
      const [x1, y1] = point([along, across - item.before]), [x2, y2] = point([along + item.length, across + item.after]);
      return { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x1 - x2), height: Math.abs(y1 - y2) };
    };
    const boxes = [], frames = [];
    for (const level of sorted) {
      const [along, across] = origin.get(level.frame);
      for (const item of level.items) {
        const a = along + level.lead + item.along, c = across + item.across - level.middle;
        if (item.kind === "frame") {
          origin.set(item.inner, [a, c]);
          frames.push({ cluster: item.inner, ...rectangle(a, c, item) });
        } else if (item.kind === "node") boxes.push({ ...item.item, ...rectangle(a, c, item) });
      }
    }
    boxes.sort((a, b) => a.order - b.order);
    const lines = arrows.map((arrow) => {
      const points = [];
      let label = null;
      arrow.parts.forEach(([level, number], part) => {
        const [along, across] = origin.get(level.frame);
        const found = route(level, level.links[number]).map(([a, c]) => [along + level.lead + a, across + c - level.middle]);
        // An arrow that ends at a frame's border goes on inside it.
        if (level.items[level.links[number].source].kind === "entry") found[0][0] = along;
        if (level.items[level.links[number].target].kind === "exit") found[found.length - 1][0] = along + level.box.length;
        if (part === arrow.labelled && arrow.text) label = found[0];
        for (const next of found) points.push(next);
      });
      return { ...arrow, points: points.map(point), label: label && point(label) };
    });
    const box = rectangle(0, 0, outer.box);
    return { boxes, frames, lines, box, horizontal, reverse };
  }

  return { run, textWidth };
})();
