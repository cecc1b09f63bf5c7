  // Charts of what was scored; those of a second model are dashed.
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
  const OF = ["", " other"];
  // Points nearer to one another than can be seen are passed over.
  const curve = (svg, of, points) => {
    let path = "", last = null;
    points((across, up, end) => {
      if (last && !end && Math.abs(across - last[0]) < 0.002 && Math.abs(up - last[1]) < 0.002) return;
      path += `${last ? "L" : "M"}${x(across)} ${y(up)}`;
      last = [across, up];
    });
    if (path) shape(svg, "path", { class: `curve${of}`, d: path });
  };
  const tens = (most) => Array.from({ length: most + 1 }, (_, power) => [power / most, (10 ** power).toLocaleString("en-US")]);

  const BINS = 40;
  const drawScores = () => {
    const counts = sets.map((set) => {
      const made = [new Float64Array(BINS), new Float64Array(BINS)];
      for (let place = 0; place < set.distinct; place += 1) {
        const bin = Math.min(BINS - 1, Math.floor(set.scores[place] * BINS));
        made[1][bin] += set.frauds[place];
        made[0][bin] += set.all[place] - set.frauds[place];
      }
      return made;
    });
    const highest = Math.max(1, ...counts.flatMap((one) => [...one[0], ...one[1]]));
    const most = Math.max(1, Math.ceil(Math.log10(highest + 1)));
    frame(at("scores"), [0, 0.25, 0.5, 0.75, 1].map((share) => [share, String(share)]), tens(most));
    counts.forEach((made, of) => ["legitimate", "fraud"].forEach((name, label) => {
      let path = `M${x(0)} ${y(0)}`;
      made[label].forEach((count, bin) => {
        // one row stands a little above none
        path += `V${y(count ? Math.max(Math.log10(count) / most, 0.015) : 0)}H${x((bin + 1) / BINS)}`;
      });
      shape(at("scores"), "path", { class: name + OF[of], d: `${path}V${y(0)}` });
    }));
  };
  const drawCurves = () => {
    frame(at("roc"), SHARES, SHARES);
    frame(at("precision-recall"), SHARES, SHARES);
    shape(at("roc"), "path", { class: "even", d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}` });
    sets.forEach(({ found, flagged, fraudRows, legitimateRows }, of) => {
      if (fraudRows && legitimateRows) {
        curve(at("roc"), OF[of], (point) => {
          for (let place = distinct; place >= 0; place -= 1) {
            point((flagged[place] - found[place]) / legitimateRows, found[place] / fraudRows, place === 0);
          }
        });
      }
      if (fraudRows) {
        curve(at("precision-recall"), OF[of], (point) => {
          for (let place = distinct - 1; place >= 0; place -= 1) {
            if (flagged[place]) point(found[place] / fraudRows, found[place] / flagged[place], place === 0);
          }
        });
      }
    });
  };
  const DECADES = 5, GROUPS = 20;
  const drawCalibration = () => {
    const svg = at("calibration");
    const share = (value) => Math.max(0, 1 + Math.log10(Math.max(value, 1e-9)) / DECADES);
    const ticks = Array.from({ length: DECADES + 1 }, (_, each) => [each / DECADES, `${Number((100 * 10 ** (each - DECADES)).toPrecision(3))}%`]);
    frame(svg, ticks, ticks);
    shape(svg, "path", { class: "even", d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}` });
    // from the top down, groups that hold, or are expected to hold, as many frauds each
    sets.forEach((set, of) => {
      let sum = 0, fraud = 0, count = 0;
      const size = Math.max(1, set.fraudRows / GROUPS);
      for (let place = set.distinct - 1; place >= 0; place -= 1) {
        sum += set.scores[place] * set.all[place];
        fraud += set.frauds[place];
        count += set.all[place];
        const full = fraud >= size || (count >= 100 && count * set.scores[place] >= 2 * size);
        if (!full && place > 0) continue;
        shape(svg, "circle", { class: `bin${OF[of]}`, r: 3.4, cx: x(share(sum / count)), cy: y(share(fraud / count)) });
        sum = fraud = count = 0;
      }
    });
    svg.setAttribute("aria-label", "The share that is fraud against the score, in groups of rows.");
  };

  drawScores();
  drawCurves();
  drawCalibration();
  const line = shape(at("scores"), "path", { class: "now" });
  const points = sets.map((_, of) => ["roc", "precision-recall"].map((id) => shape(at(id), "circle", { class: `now${OF[of]}`, r: 5.5 })));
  const showAt = (circle, across, up) => {
    circle.setAttribute("visibility", across === null ? "hidden" : "visible");
    if (across === null) return;
    circle.setAttribute("cx", x(across));
    circle.setAttribute("cy", y(up));
  };
