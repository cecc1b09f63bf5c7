// Counts what a threshold does, from every scored row of the page; its positions are the scores themselves.
(() => {
  "use strict";
  const at = (id) => document.getElementById(id);
  const data = JSON.parse(at("scored").textContent);
  const slider = at("place"), WAY = 1000;

  // One variable-length number a row: (bits of the score less those of the score before) * 2 + label.
  const read = (text) => {
    const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    const bits = new Uint32Array(data.rows), frauds = new Uint32Array(data.rows), all = new Uint32Array(data.rows);
    let distinct = 0, now = 0;
    for (let place = 0; place < bytes.length;) {
      let number = 0, shift = 0, byte;
      do {
        byte = bytes[place++];
        number += (byte & 127) * 2 ** shift;
        shift += 7;
      } while (byte & 128);
      const step = Math.floor(number / 2);
      if (step > 0 || distinct === 0) { now += step; bits[distinct++] = now; }
      frauds[distinct - 1] += number % 2;
      all[distinct - 1] += 1;
    }
    return { scores: new Float32Array(bits.buffer, 0, distinct), frauds, all, distinct };
  };
  const { scores, frauds, all, distinct } = read(data.packed);

  // Flagged at position p: the rows of score p and of all higher ones; at the last position none.
  const found = new Uint32Array(distinct + 1), flagged = new Uint32Array(distinct + 1);
  for (let place = distinct - 1; place >= 0; place -= 1) {
    found[place] = found[place + 1] + frauds[place];
    flagged[place] = flagged[place + 1] + all[place];
  }
  const rows = flagged[0], fraudRows = found[0], honestRows = rows - fraudRows;
  let here = distinct;

  const least = (fits) => {
    let low = 0, high = distinct;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (fits(middle)) high = middle; else low = middle + 1;
    }
    return low;
  };
  const counted = (place) => {
    const tp = found[place], fp = flagged[place] - tp;
    return { tp, fp, fn: fraudRows - tp, tn: honestRows - fp };
  };
  const whole = (number) => number.toLocaleString("en-US");
  const part = (number, of) => (of ? `${((100 * number) / of).toFixed(3)}%` : "none to tell it from");
  const of100k = (number) => (rows ? (100000 * number / rows).toLocaleString("en-US", { maximumFractionDigits: 1 }) : "0");
  const money = (number) => number.toLocaleString("en-US", { maximumFractionDigits: 2 });
  const cost = (id) => (at(id).value.trim() === "" || !(Number(at(id).value) >= 0) ? null : Number(at(id).value));
  const costs = () => {
    const missed = cost("cost-missed"), review = cost("cost-review");
    return missed === null && review === null ? null : { missed: missed ?? 0, review: review ?? 0 };
  };
  const costAt = (place, { missed, review }) => missed * (fraudRows - found[place]) + review * flagged[place];

  // The way of the slider goes by flagged rows in equal ratios: half of it would else be spent on scores next to nothing.
  const placeOf = (way) => {
    if (way <= 0) return 0;
    if (way >= WAY) return distinct;
    const wanted = Math.exp(Math.log(Math.max(rows, 1)) * (1 - way / WAY));
    return least((place) => flagged[place] <= wanted);
  };
  const wayOf = (place) => {
    if (place === 0 && distinct > 0) return 0;
    if (place >= distinct) return WAY;
    const way = Math.round(WAY * (1 - Math.log(flagged[place]) / Math.log(Math.max(rows, 2))));
    return Math.max(1, Math.min(WAY - 1, way));
  };

  const NS = "http://www.w3.org/2000/svg", LEFT = 50, TOP = 10, WIDE = 284, HIGH = 190;
  const shape = (svg, name, values, text) => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    svg.append(made);
    return made;
  };
  const x = (share) => (LEFT + share * WIDE).toFixed(2), y = (share) => (TOP + (1 - share) * HIGH).toFixed(2);
  const frame = (svg, across, up) => {
    across.forEach(([share, text]) => {
      shape(svg, "path", { class: "axis", d: `M${x(share)} ${y(0)}V${y(1)}` });
      shape(svg, "text", { x: x(share), y: TOP + HIGH + 16, "text-anchor": "middle" }, text);
    });
    up.forEach(([share, text]) => {
      shape(svg, "path", { class: "axis", d: `M${x(0)} ${y(share)}H${x(1)}` });
      shape(svg, "text", { x: LEFT - 6, y: Number(y(share)) + 4, "text-anchor": "end" }, text);
    });
  };
  const SHARES = [0, 0.25, 0.5, 0.75, 1].map((share) => [share, `${100 * share}%`]);
  // Points nearer to one another than can be seen are passed over.
  const curve = (svg, points) => {
    let path = "", last = null;
    points((across, up, end) => {
      if (last && !end && Math.abs(across - last[0]) < 0.002 && Math.abs(up - last[1]) < 0.002) return;
      path += `${last ? "L" : "M"}${x(across)} ${y(up)}`;
      last = [across, up];
    });
    if (path) shape(svg, "path", { class: "curve", d: path });
  };
  const tens = (most) => Array.from({ length: most + 1 }, (_, power) => [power / most, whole(10 ** power)]);

  const BINS = 40;
  const drawScores = () => {
    const counts = [new Float64Array(BINS), new Float64Array(BINS)];
    for (let place = 0; place < distinct; place += 1) {
      const bin = Math.min(BINS - 1, Math.floor(scores[place] * BINS));
      counts[1][bin] += frauds[place];
      counts[0][bin] += all[place] - frauds[place];
    }
    const most = Math.max(1, Math.ceil(Math.log10(Math.max(...counts[0], ...counts[1], 1) + 1)));
    frame(at("scores"), [0, 0.25, 0.5, 0.75, 1].map((share) => [share, String(share)]), tens(most));
    ["honest", "fraud"].forEach((name, label) => {
      let path = `M${x(0)} ${y(0)}`;
      counts[label].forEach((count, bin) => {
        // one row stands a little above none
        path += `V${y(count ? Math.max(Math.log10(count) / most, 0.015) : 0)}H${x((bin + 1) / BINS)}`;
      });
      shape(at("scores"), "path", { class: name, d: `${path}V${y(0)}` });
    });
  };
  const drawCurves = () => {
    frame(at("roc"), SHARES, SHARES);
    frame(at("precision-recall"), SHARES, SHARES);
    shape(at("roc"), "path", { class: "even", d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}` });
    if (fraudRows && honestRows) {
      curve(at("roc"), (point) => {
        for (let place = distinct; place >= 0; place -= 1) {
          point((flagged[place] - found[place]) / honestRows, found[place] / fraudRows, place === 0);
        }
      });
    }
    if (fraudRows) {
      curve(at("precision-recall"), (point) => {
        for (let place = distinct - 1; place >= 0; place -= 1) {
          point(found[place] / fraudRows, found[place] / flagged[place], place === 0);
        }
      });
    }
  };
  const DECADES = 5, GROUPS = 20;
  const drawCalibration = () => {
    const svg = at("calibration");
    const share = (value) => Math.max(0, 1 + Math.log10(Math.max(value, 1e-9)) / DECADES);
    const ticks = Array.from({ length: DECADES + 1 }, (_, each) => [each / DECADES, `${Number((100 * 10 ** (each - DECADES)).toPrecision(3))}%`]);
    frame(svg, ticks, ticks);
    shape(svg, "path", { class: "even", d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}` });
    // from the top down, groups that hold, or are expected to hold, as many frauds each
    let sum = 0, fraud = 0, count = 0;
    const size = Math.max(1, fraudRows / GROUPS);
    for (let place = distinct - 1; place >= 0; place -= 1) {
      sum += scores[place] * all[place];
      fraud += frauds[place];
      count += all[place];
      const full = fraud >= size || (count >= 100 && count * scores[place] >= 2 * size);
      if (!full && place > 0) continue;
      shape(svg, "circle", { class: "bin", r: 3.4, cx: x(share(sum / count)), cy: y(share(fraud / count)) });
      sum = fraud = count = 0;
    }
    svg.setAttribute("aria-label", "The share that is fraud against the score, in groups of rows.");
  };

  const line = shape(at("scores"), "path", { class: "now" });
  const points = ["roc", "precision-recall"].map((id) => shape(at(id), "circle", { class: "now", r: 5.5 }));
  const showAt = (circle, across, up) => {
    circle.setAttribute("visibility", across === null ? "hidden" : "visible");
    if (across === null) return;
    circle.setAttribute("cx", x(across));
    circle.setAttribute("cy", y(up));
  };

  const show = (wanted, moved = true) => {
    here = Math.max(0, Math.min(distinct, wanted));
    const { tp, fp, fn, tn } = counted(here);
    const none = here === distinct;
    const threshold = none ? "above every score" : String(scores[here]);
    at("threshold").textContent = none ? threshold : Number(scores[here].toPrecision(7));
    at("mover").dataset.threshold = none ? "Infinity" : threshold;
    for (const [id, count] of [["found", tp], ["missed", fn], ["false-alarms", fp], ["passed", tn]]) {
      at(id).textContent = whole(count);
      at(`${id}-share`).textContent = `${of100k(count)} of 100,000`;
    }
    at("precision").textContent = tp + fp ? part(tp, tp + fp) : "nothing is flagged";
    at("recall").textContent = fraudRows ? part(tp, fraudRows) : "no fraud";
    at("fpr").textContent = honestRows ? part(fp, honestRows) : "none legitimate";
    const told = `${whole(tp)} of ${whole(fraudRows)} frauds are flagged and ${whole(fp)} of ${whole(honestRows)} legitimate transactions; ${whole(fn)} frauds pass.`;
    at("told").textContent = told;
    if (moved) slider.value = String(wayOf(here));
    slider.setAttribute("aria-valuetext", `${at("threshold").textContent}: ${told}`);
    at("lower").setAttribute("aria-disabled", String(here === 0));
    at("higher").setAttribute("aria-disabled", String(none));
    const known = costs();
    at("cheapest").setAttribute("aria-disabled", String(known === null));
    if (known === null) {
      at("money").textContent = "Name a cost to see what a threshold costs, and which costs least.";
      delete at("money").dataset.total;
    } else {
      const total = costAt(here, known);
      at("money").dataset.total = String(total);
      at("money").textContent = `Missed frauds ${money(known.missed * fn)} + flagged transactions ${money(known.review * (tp + fp))} = ${money(total)}; of 100,000 transactions ${money(rows ? 100000 * total / rows : 0)}. Flagging nothing costs ${money(costAt(distinct, known))}.`;
    }
    line.setAttribute("d", `M${x(none ? 1 : scores[here])} ${y(0)}V${y(1)}`);
    showAt(points[0], fraudRows && honestRows ? fp / honestRows : null, tp / fraudRows);
    showAt(points[1], fraudRows && tp + fp ? tp / fraudRows : null, tp / (tp + fp));
    at("scores").setAttribute("aria-label", `How the scores of ${whole(fraudRows)} frauds and ${whole(honestRows)} legitimate transactions are distributed; the threshold stands at ${at("threshold").textContent}.`);
    at("roc").setAttribute("aria-label", `ROC curve; at the threshold recall ${at("recall").textContent}, false-positive rate ${at("fpr").textContent}.`);
    at("precision-recall").setAttribute("aria-label", `Precision and recall; at the threshold precision ${at("precision").textContent}, recall ${at("recall").textContent}.`);
  };

  drawScores();
  drawCurves();
  drawCalibration();
  [line, ...points].forEach((each) => each.parentNode.append(each));
  slider.addEventListener("input", () => show(placeOf(Number(slider.value)), false));
  slider.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const way = Number(slider.value);
    const wanted = {
      ArrowLeft: here - 1, ArrowDown: here - 1, ArrowRight: here + 1, ArrowUp: here + 1,
      PageDown: Math.min(here - 1, placeOf(way - WAY / 20)), PageUp: Math.max(here + 1, placeOf(way + WAY / 20)), Home: 0, End: distinct,
    }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    show(wanted);
  });
  at("lower").addEventListener("click", () => show(here - 1));
  at("higher").addEventListener("click", () => show(here + 1));
  const going = (name) => {
    const value = data.thresholds[name];
    return value === null || value === undefined ? distinct : least((place) => scores[place] >= value);
  };
  document.querySelectorAll("[data-go]").forEach((each) => each.addEventListener("click", () => show(going(each.dataset.go))));
  at("cheapest").addEventListener("click", () => {
    const known = costs();
    if (known === null) return;
    let best = distinct;
    for (let place = distinct - 1; place >= 0; place -= 1) if (costAt(place, known) < costAt(best, known)) best = place;
    show(best);
  });
  ["cost-missed", "cost-review"].forEach((id) => at(id).addEventListener("input", () => show(here)));
  show(going("review"));
})();
