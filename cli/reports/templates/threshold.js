  // Shows what the threshold does that the reader moves; its positions are the scores themselves.
  const slider = at("place"), exact = at("exact");
  let here = distinct;
  const whole = (number) => number.toLocaleString("en-US");
  const part = (number, of) => `${((100 * number) / of).toFixed(3)}%`;
  const per100k = (set, number) => (set.rows ? (100000 * number) / set.rows : 0);
  const tenths = (number) => number.toLocaleString("en-US", { maximumFractionDigits: 1 });
  const money = (number) => number.toLocaleString("en-US", { maximumFractionDigits: 2 });
  const COSTS = ["missed", "review", "blocked"];
  const cost = (id) => (at(id).value.trim() === "" || !(Number(at(id).value) >= 0) ? null : Number(at(id).value));
  const costs = () => {
    const given = COSTS.map((name) => cost(`cost-${name}`));
    return given.every((each) => each === null) ? null : Object.fromEntries(COSTS.map((name, place) => [name, given[place] ?? 0]));
  };
  // the second model's elements have the number 2
  const id = (name, of) => (of ? `${name}-2` : name);

  const showSet = (set, of, now) => {
    const { tp, fp, fn, tn } = matrix(set, here);
    for (const [name, count] of [["found", tp], ["missed", fn], ["false-alarms", fp], ["passed", tn]]) {
      at(id(name, of)).textContent = whole(count);
      at(id(`${name}-share`, of)).textContent = `${tenths(per100k(set, count))} of 100,000`;
    }
    at(id("precision", of)).textContent = tp + fp ? part(tp, tp + fp) : "nothing is flagged";
    at(id("recall", of)).textContent = set.fraudRows ? part(tp, set.fraudRows) : "no fraud";
    at(id("fpr", of)).textContent = set.legitimateRows ? part(fp, set.legitimateRows) : "none legitimate";
    const shown = at(id("money", of));
    if (now === null) {
      shown.textContent = "Name a cost to see what a threshold costs, and which costs least.";
      delete shown.dataset.total;
    } else {
      const total = costAt(set, here, now), parts = [];
      parts.push(`Missed frauds ${money(now.missed * fn)}`, `flagged transactions ${money(now.review * (tp + fp))}`);
      if (now.blocked) parts.push(`wrongly blocked payments ${money(now.blocked * fp)}`);
      shown.dataset.total = String(total);
      shown.textContent = `${parts.join(" + ")} = ${money(total)}; of 100,000 transactions ${money(per100k(set, total))}. Flagging nothing costs ${money(costAt(set, distinct, now))}.`;
    }
    showAt(points[of][0], set.fraudRows && set.legitimateRows ? fp / set.legitimateRows : null, tp / set.fraudRows);
    showAt(points[of][1], set.fraudRows && tp + fp ? tp / set.fraudRows : null, tp / (tp + fp));
    return `${whole(tp)} of ${whole(set.fraudRows)} frauds are flagged and ${whole(fp)} of ${whole(set.legitimateRows)} legitimate transactions; ${whole(fn)} frauds pass.`;
  };

  // What the second has more than the first: counts of the same rows, of 100,000 where the rows are others.
  const showDifferences = (now) => {
    const same = data.both !== null, [one, other] = sets.map((set) => matrix(set, here));
    const measures = {
      found: ["tp"], missed: ["fn"], "false-alarms": ["fp"], passed: ["tn"],
    };
    const signed = (number, text) => `${number > 0 ? "+" : number < 0 ? "−" : ""}${text(Math.abs(number))}`;
    for (const [name, [key]] of Object.entries(measures)) {
      const counts = same ? [one[key], other[key]] : [per100k(sets[0], one[key]), per100k(sets[1], other[key])];
      const text = same ? whole : tenths;
      at(`of-one-${name}`).textContent = text(counts[0]);
      at(`of-other-${name}`).textContent = text(counts[1]);
      at(`difference-${name}`).textContent = signed(counts[1] - counts[0], text);
    }
    const rates = {
      precision: ({ tp, fp }) => (tp + fp ? tp / (tp + fp) : null),
      recall: ({ tp, fn }) => (tp + fn ? tp / (tp + fn) : null),
      fpr: ({ fp, tn }) => (fp + tn ? fp / (fp + tn) : null),
    };
    for (const [name, rate] of Object.entries(rates)) {
      const found = [rate(one), rate(other)], text = (value) => (value === null ? "none" : part(value, 1));
      at(`of-one-${name}`).textContent = text(found[0]);
      at(`of-other-${name}`).textContent = text(found[1]);
      at(`difference-${name}`).textContent = found.includes(null) ? "none" : `${signed(100 * (found[1] - found[0]), (value) => value.toFixed(3))} points`;
    }
    const totals = now === null ? null : sets.map((set) => (same ? costAt(set, here, now) : per100k(set, costAt(set, here, now))));
    at("of-one-money").textContent = totals ? money(totals[0]) : "no cost is named";
    at("of-other-money").textContent = totals ? money(totals[1]) : "no cost is named";
    at("difference-money").textContent = totals ? signed(totals[1] - totals[0], money) : "";
    if (!same) return;
    const together = matrix(both, here), rest = (all, a, b, joint) => all - a - b + joint;
    for (const [kind, key, all] of [["fraud", "tp", both.fraudRows], ["legitimate", "fp", both.legitimateRows]]) {
      at(`both-${kind}`).textContent = whole(together[key]);
      at(`only-one-${kind}`).textContent = whole(one[key] - together[key]);
      at(`only-other-${kind}`).textContent = whole(other[key] - together[key]);
      at(`neither-${kind}`).textContent = whole(rest(all, one[key], other[key], together[key]));
    }
  };

  const show = (wanted, moved = true) => {
    here = Math.max(0, Math.min(distinct, wanted));
    const none = here === distinct, now = costs();
    at("threshold").textContent = none ? "above every score" : String(Number(scores[here].toPrecision(4)));
    at("mover").dataset.threshold = none ? "Infinity" : String(scores[here]);
    if (document.activeElement !== exact) exact.value = none ? "" : String(scores[here]);
    if (moved) slider.value = String(wayOf(here));
    const told = sets.map((set, of) => (sets.length > 1 ? `${set.name}: ` : "") + showSet(set, of, now)).join(" ");
    at("told").textContent = told;
    slider.setAttribute("aria-valuetext", `${at("threshold").textContent}: ${told}`);
    at("lower").setAttribute("aria-disabled", String(here === 0));
    at("higher").setAttribute("aria-disabled", String(none));
    document.querySelectorAll("[data-cheapest]").forEach((each) => each.setAttribute("aria-disabled", String(now === null)));
    if (sets.length > 1) showDifferences(now);
    line.setAttribute("d", `M${x(none ? 1 : scores[here])} ${y(0)}V${y(1)}`);
    const each = (text) => sets.map((set, of) => (sets.length > 1 ? `${set.name}: ` : "") + text(set, (name) => at(id(name, of)).textContent)).join("; ");
    at("scores").setAttribute("aria-label", `How the scores of ${each((set) => `${whole(set.fraudRows)} frauds and ${whole(set.legitimateRows)} legitimate transactions`)} are distributed; the threshold stands at ${at("threshold").textContent}.`);
    at("roc").setAttribute("aria-label", `ROC curve; at the threshold ${each((_, of) => `recall ${of("recall")}, false-positive rate ${of("fpr")}`)}.`);
    at("precision-recall").setAttribute("aria-label", `Precision and recall; at the threshold ${each((_, of) => `precision ${of("precision")}, recall ${of("recall")}`)}.`);
  };

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
  exact.addEventListener("input", () => {
    const typed = Number(exact.value);
    // what is typed becomes a score of a row when the box is left
    if (exact.value.trim() !== "" && typed >= 0) show(placeFrom(typed));
  });
  exact.addEventListener("blur", () => { exact.value = here === distinct ? "" : String(scores[here]); });
  at("lower").addEventListener("click", () => show(here - 1));
  at("higher").addEventListener("click", () => show(here + 1));
  const going = (set, name) => {
    const value = set.thresholds[name];
    return value === null || value === undefined ? distinct : placeFrom(value);
  };
  document.querySelectorAll("[data-go]").forEach((each) => each.addEventListener("click", () => show(going(sets[Number(each.dataset.of)], each.dataset.go))));
  document.querySelectorAll("[data-cheapest]").forEach((each) => each.addEventListener("click", () => {
    const now = costs();
    if (now !== null) show(cheapest(sets[Number(each.dataset.cheapest)], now));
  }));
  COSTS.forEach((name) => at(`cost-${name}`).addEventListener("input", () => show(here)));
  show(going(sets[0], "review"));
