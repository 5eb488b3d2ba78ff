"use strict";
// Draws the graph, and answers to mouse, touch and keys.
(() => {
  const graph = JSON.parse(document.getElementById("graph").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);
  const canvas = byId("canvas"), view = byId("view"), details = byId("details"), search = byId("search");
  const initially = graph.clusters.map((cluster, index) => (cluster.open ? index : -1)).filter((index) => index >= 0);
  let open = new Set(initially);
  let drawn = null, elements = new Map(), camera = { x: 0, y: 0, scale: 1 }, matches = [], match = -1;

  function make(name, attributes, parent, text) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  }

  // --- drawing ---------------------------------------------------------------------------------------------------

  function draw(focus) {
    drawn = Layout.run(graph, open);
    view.replaceChildren();
    elements = new Map();
    for (const frame of drawn.frames) drawFrame(frame);
    const labels = new Set();
    for (const line of drawn.lines) drawLine(line, labels);
    for (const box of drawn.boxes) drawBox(box);
    if (search.value) find(false);
    const kept = focus && elements.get(focus);
    if (kept) kept.focus({ preventScroll: true });
  }

  function drawFrame(frame) {
    const cluster = graph.clusters[frame.cluster];
    const group = make("g", {
      class: `cluster ${cluster.level % 2 ? "odd" : "even"}`, tabindex: 0, role: "button", "aria-expanded": "true",
      "aria-label": `module ${cluster.label}`, "data-key": `c${frame.cluster}`,
    }, view);
    const { x, y, width, height } = frame;
    make("rect", { class: "frame", x, y, width, height, rx: 6 }, group);
    make("text", { class: "title", x: x + 10, y: y + 14 }, group, `▾ ${cluster.label}`);
    make("rect", { class: "handle", x, y, width, height: 20 }, group);
    group.querySelector(".handle").addEventListener("click", () => { if (!dragged) toggle(frame.cluster); });
    listen(group, () => describeCluster(cluster), `c${frame.cluster}`);
    elements.set(`c${frame.cluster}`, group);
  }

  function drawBox(box) {
    const look = box.look;
    const closed = box.cluster !== null;
    const group = make("g", {
      class: `node ${look.kind}${look.fill ? " colored" : ""}${look.fault ? " fault" : ""}`, tabindex: 0,
      role: closed ? "button" : "img", "aria-label": `${closed ? "module " : ""}${look.lines.join(", ")}`, "data-key": box.key,
    }, view);
    if (closed) group.setAttribute("aria-expanded", "false");
    const { x, y, width, height } = box;
    const round = { input: height / 2, output: height / 2, gradient: height / 2, parameter: 1, summary: 1 }[look.kind] || 5;
    const style = `fill: ${look.fill || `var(--${look.kind})`}; stroke: var(--${look.kind}-border)`;
    make("rect", { x, y, width, height, rx: round, style }, group);
    if (look.kind === "module") {
      make("rect", { class: "inner", x: x + 2.5, y: y + 2.5, width: width - 5, height: height - 5, rx: 3, style }, group);
    }
    look.lines.forEach((line, index) => {
      const baseline = y + height / 2 - 14 * (look.lines.length - 1) / 2 + 14 * index + (index ? 3.5 : 4.2);
      make("text", { class: index ? "more" : "first", x: x + width / 2, y: baseline, "text-anchor": "middle" }, group,
        index || !closed ? line : `▸ ${line}`);
    });
    if (closed) group.addEventListener("click", () => { if (!dragged) toggle(box.cluster); });
    listen(group, () => (closed ? describeCluster(graph.clusters[box.cluster]) : describe(look)), box.key);
    elements.set(box.key, group);
  }

  function drawLine(line, labels) {
    const group = make("g", { class: `edge${line.dashed ? " dashed" : ""}` }, view);
    const points = line.points;
    const tip = points[points.length - 1];
    // Lines arrive in the direction of flow, so the arrow's head points that way.
    const away = drawn.reverse ? 1 : -1;
    const base = drawn.horizontal ? [tip[0] + 7 * away, tip[1]] : [tip[0], tip[1] + 7 * away];
    let path = `M${points[0][0]} ${points[0][1]}`, here = points[0];
    for (const next of [...points.slice(1, -1), base]) {
      if (Math.abs(next[0] - here[0]) + Math.abs(next[1] - here[1]) < 0.05) continue;
      if (drawn.horizontal) {
        const middle = (here[0] + next[0]) / 2;
        path += Math.abs(here[1] - next[1]) < 0.05 ? `L${next[0]} ${next[1]}`
          : `C${middle} ${here[1]} ${middle} ${next[1]} ${next[0]} ${next[1]}`;
      } else {
        const middle = (here[1] + next[1]) / 2;
        path += Math.abs(here[0] - next[0]) < 0.05 ? `L${next[0]} ${next[1]}`
          : `C${here[0]} ${middle} ${next[0]} ${middle} ${next[0]} ${next[1]}`;
      }
      here = next;
    }
    const color = line.color ? `stroke: ${line.color}; stroke-width: 1.8` : "";
    make("path", { d: path, style: color }, group);
    const wing = drawn.horizontal ? [[base[0], base[1] - 3], [base[0], base[1] + 3]] : [[base[0] - 3, base[1]], [base[0] + 3, base[1]]];
    make("path", { class: "head", d: `M${tip}L${wing[0]}L${wing[1]}Z`, style: line.color ? `fill: ${line.color}` : "" }, group);
    const spot = line.label && `${line.source} ${line.text} ${line.label.map(Math.round)}`;
    if (line.label && !labels.has(spot)) {
      labels.add(spot);
      const [x, y] = line.label;
      const place = drawn.horizontal ? { x: x + 6 * -away, y: y - 4, "text-anchor": drawn.reverse ? "end" : "start" }
        : { x: x + 5, y: y + (drawn.reverse ? -8 : 14), "text-anchor": "start" };
      make("text", place, group, line.text);
    }
    line.element = group;
  }

  // --- what a box says -------------------------------------------------------------------------------------------

  function listen(group, content, key) {
    const show = () => { details.replaceChildren(...content()); details.hidden = false; light(key); };
    group.addEventListener("pointerenter", show);
    group.addEventListener("pointerleave", hide);
    group.addEventListener("focus", () => { show(); reveal(group); });
    group.addEventListener("blur", hide);
  }

  function hide() {
    const focused = document.activeElement;
    if (focused && focused.dataset && focused.dataset.key && view.contains(focused)) return;
    details.hidden = true;
    light(null);
  }

  function light(key) {
    for (const line of drawn.lines) {
      // A box that is drawn anew loses the focus before the new lines are there.
      if (line.element) line.element.classList.toggle("lit", key !== null && (line.source === key || line.target === key));
    }
  }

  function html(name, text, className) {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  }

  function describe(look) {
    const found = [html("h2", look.lines[0])];
    const list = html("dl");
    for (const [label, text] of look.facts) {
      if (!label) found.push(html("p", text));
      else list.append(html("dt", label), html("dd", text, label === "fault" ? "bad" : ""));
    }
    for (const [label, latex, math] of look.formulas) {
      const cell = html("dd");
      if (math) cell.innerHTML = math;
      cell.append(html("span", latex, "source"));
      list.append(html("dt", label), cell);
    }
    if (list.children.length) found.push(list);
    return found;
  }

  function describeCluster(cluster) {
    return [...describe({ ...cluster.closed, formulas: [], lines: [cluster.label] })];
  }

  // --- opening and closing ---------------------------------------------------------------------------------------

  function toggle(cluster) {
    const key = `c${cluster}`;
    const before = elements.get(key).getBoundingClientRect();
    if (open.has(cluster)) open.delete(cluster);
    else open.add(cluster);
    draw(key);
    // What was opened stays where it was: the upper left corner does not move.
    const after = elements.get(key).getBoundingClientRect();
    camera.x += before.left - after.left;
    camera.y += before.top - after.top;
    move(false);
  }

  function openAll(every) {
    open = new Set(every ? graph.clusters.keys() : []);
    draw();
    fit(true);
  }

  function reset() {
    open = new Set(initially);
    draw();
    fit(true);
  }

  // --- moving about ----------------------------------------------------------------------------------------------

  function move(smooth) {
    view.classList.toggle("smooth", smooth);
    view.setAttribute("transform", `translate(${camera.x} ${camera.y}) scale(${camera.scale})`);
    view.style.transform = `translate(${camera.x}px, ${camera.y}px) scale(${camera.scale})`;
  }

  // All of it; at first no smaller than can be read: a long graph starts at its beginning then.
  function fit(readable) {
    const { width, height } = canvas.getBoundingClientRect();
    const box = drawn.box;
    const scale = Math.min((width - 32) / Math.max(box.width, 1), (height - 32) / Math.max(box.height, 1), 1.25);
    camera.scale = readable === true ? Math.max(scale, 0.75) : scale;
    const spareX = width - box.width * camera.scale, spareY = height - box.height * camera.scale;
    const startX = drawn.reverse && drawn.horizontal && spareX < 0 ? spareX - 16 : 16;
    camera.x = (spareX > 0 ? spareX / 2 : startX) - box.x * camera.scale;
    camera.y = (spareY > 0 ? spareY / 2 : 16) - box.y * camera.scale;
    move(false);
  }

  function zoom(factor, x, y) {
    const frame = canvas.getBoundingClientRect();
    const px = x === undefined ? frame.width / 2 : x - frame.left, py = y === undefined ? frame.height / 2 : y - frame.top;
    const scale = Math.min(Math.max(camera.scale * factor, 0.02), 8);
    camera.x = px - (px - camera.x) * scale / camera.scale;
    camera.y = py - (py - camera.y) * scale / camera.scale;
    camera.scale = scale;
    move(false);
  }

  // Move the picture so that an element is seen.
  function reveal(element, center) {
    const frame = canvas.getBoundingClientRect(), box = element.getBoundingClientRect();
    if (center && camera.scale < 0.8) { zoom(1 / camera.scale); return reveal(element, center); }
    const visible = box.right > frame.left + 10 && box.left < frame.right - 10 && box.bottom > frame.top + 10 && box.top < frame.bottom - 10;
    if (!visible || center) {
      const left = Math.min(box.left, box.right - 1), top = box.top;
      camera.x += frame.left + frame.width / 2 - (left + Math.min(box.width, frame.width) / 2);
      camera.y += frame.top + frame.height / 2 - (top + Math.min(box.height, frame.height) / 2);
      move(true);
    }
    return undefined;
  }

  let dragged = false, pointer = null;
  const touches = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    touches.set(event.pointerId, event);
    dragged = false;
    pointer = { x: event.clientX, y: event.clientY };
  });
  window.addEventListener("pointermove", (event) => {
    if (!touches.has(event.pointerId)) return;
    if (touches.size === 2) {
      const [a, b] = [...touches.values()];
      const before = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      touches.set(event.pointerId, event);
      const [c, d] = [...touches.values()];
      zoom(Math.hypot(c.clientX - d.clientX, c.clientY - d.clientY) / before, (c.clientX + d.clientX) / 2, (c.clientY + d.clientY) / 2);
      dragged = true;
      return;
    }
    const dx = event.clientX - pointer.x, dy = event.clientY - pointer.y;
    if (!dragged && Math.hypot(dx, dy) < 4) return;
    dragged = true;
    canvas.classList.add("moving");
    camera.x += dx;
    camera.y += dy;
    pointer = { x: event.clientX, y: event.clientY };
    move(false);
  });
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, (event) => {
    touches.delete(event.pointerId);
    canvas.classList.remove("moving");
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX, event.clientY);
  }, { passive: false });
  window.addEventListener("resize", () => move(false));

  // --- searching -------------------------------------------------------------------------------------------------

  function words(look) {
    return [...look.lines, ...look.facts.map((fact) => fact.join(" "))].join(" ").toLowerCase();
  }

  function find(jump) {
    const wanted = search.value.trim().toLowerCase();
    canvas.classList.toggle("searching", Boolean(wanted));
    matches = wanted ? graph.nodes.map((node, index) => (words(node).includes(wanted) ? index : -1)).filter((index) => index >= 0) : [];
    const shown = new Set(matches.map(keyOf));
    for (const [key, element] of elements) element.classList.toggle("match", shown.has(key));
    byId("found").textContent = wanted ? `${matches.length} found` : "";
    if (!jump) return;
    match = -1;
  }

  // The box in which a node is seen now: its own, or that of the outermost closed module around it.
  function keyOf(index) {
    let key = `n${index}`;
    for (let c = graph.nodes[index].cluster; c !== null; c = graph.clusters[c].parent) if (!open.has(c)) key = `c${c}`;
    return key;
  }

  function next(step) {
    if (!matches.length) return;
    match = (match + step + matches.length) % matches.length;
    const index = matches[match];
    if (keyOf(index) !== `n${index}`) {
      for (let c = graph.nodes[index].cluster; c !== null; c = graph.clusters[c].parent) open.add(c);
      draw();
    }
    byId("found").textContent = `${match + 1} of ${matches.length}`;
    const element = elements.get(`n${index}`);
    details.replaceChildren(...describe(graph.nodes[index]));
    details.hidden = false;
    light(`n${index}`);
    reveal(element, true);
  }

  search.addEventListener("input", () => find(true));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") { search.value = ""; find(true); details.hidden = true; canvas.focus(); }
    event.stopPropagation();
  });

  // --- keys ------------------------------------------------------------------------------------------------------

  function follow(key, forward) {
    const line = drawn.lines.find((found) => (forward ? found.source : found.target) === key);
    const target = line && elements.get(forward ? line.target : line.source);
    if (target) target.focus({ preventScroll: true });
  }

  function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    document.documentElement.style.colorScheme = theme;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const focused = document.activeElement;
    const key = focused && focused.dataset ? focused.dataset.key : undefined;
    const typing = focused && focused.tagName === "BUTTON";
    const actions = {
      "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "0": fit,
      "/": () => search.focus(), e: () => openAll(true), c: () => openAll(false), r: reset, "?": showKeys,
      d: () => byId("theme").click(), Escape: () => { byId("keys").hidden = true; },
    };
    const arrows = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if ((event.key === "Enter" || event.key === " ") && key !== undefined && key[0] === "c") toggle(Number(key.slice(1)));
    else if (arrows[event.key] && key !== undefined) follow(key, (event.key === "ArrowRight" || event.key === "ArrowDown") !== drawn.reverse);
    else if (arrows[event.key] && !typing) {
      camera.x += arrows[event.key][0];
      camera.y += arrows[event.key][1];
      move(true);
    } else if (actions[event.key] && !(typing && event.key === " ")) actions[event.key]();
    else return;
    event.preventDefault();
  });

  function showKeys() {
    const keys = byId("keys");
    keys.hidden = !keys.hidden;
    byId("help").setAttribute("aria-expanded", String(!keys.hidden));
  }

  byId("fit").addEventListener("click", fit);
  byId("closer").addEventListener("click", () => zoom(1.25));
  byId("farther").addEventListener("click", () => zoom(0.8));
  byId("expand").addEventListener("click", () => openAll(true));
  byId("collapse").addEventListener("click", () => openAll(false));
  byId("reset").addEventListener("click", reset);
  byId("help").addEventListener("click", showKeys);
  byId("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));

  // --- what stands below -----------------------------------------------------------------------------------------

  function writeCaption() {
    const caption = byId("caption");
    if (graph.legend) {
      const legend = html("div", undefined, "legend"), list = html("ul");
      for (const [color, text] of graph.legend.entries) {
        const entry = html("li", text);
        entry.style.background = color;
        list.append(entry);
      }
      legend.append(html("span", graph.legend.title), list);
      caption.append(legend);
    }
    for (const line of graph.caption) caption.append(html("p", line));
    if (!graph.clusters.length) for (const id of ["expand", "collapse", "reset"]) byId(id).hidden = true;
  }

  setTheme(window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  writeCaption();
  draw();
  fit(true);
})();
