// Steps and plays through the checkpoints: synthetic rows over real ones, on any two axes.
(() => {
  "use strict";
  const SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const LAST = 4000, SIZE = 400, PAUSE_MS = 500;
  const data = JSON.parse(document.getElementById("scatter-data").textContent);
  const at = (id) => document.getElementById(id);
  const slider = at("step"), play = at("play"), stage = at("stage"), where = at("where");
  const axes = [at("across"), at("up")];
  const last = data.epochs.length - 1;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let step = data.chosen === null ? last : data.chosen;
  let timer = null;

  // Two signs a row; null where its value is missing.
  const decoded = (text) => {
    const shares = [];
    for (let place = 0; place < text.length; place += 2) {
      const value = SIGNS.indexOf(text[place]) * 64 + SIGNS.indexOf(text[place + 1]);
      shares.push(value > LAST ? null : value / LAST);
    }
    return shares;
  };

  const svgElement = (name, values) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    return made;
  };

  // Circles are kept and moved: a row made of the same noise is seen to wander from checkpoint to checkpoint.
  const draw = (group, across, up) => {
    while (group.childElementCount > across.length) group.lastElementChild.remove();
    while (group.childElementCount < across.length) group.append(svgElement("circle", { r: 3.2 }));
    let there = 0;
    across.forEach((share, row) => {
      const circle = group.children[row];
      const known = share !== null && up[row] !== null;
      circle.setAttribute("visibility", known ? "visible" : "hidden");
      if (!known) return;
      there += 1;
      circle.setAttribute("cx", (share * SIZE).toFixed(1));
      circle.setAttribute("cy", ((1 - up[row]) * SIZE).toFixed(1));
    });
    return there;
  };

  const drawAxes = () => {
    const [across, up] = axes.map((each) => data.views[Number(each.value)]);
    at("grid").replaceChildren();
    at("ticks").replaceChildren();
    const tick = (share, text, side) => {
      const span = document.createElement("span");
      span.className = side;
      span.textContent = text;
      span.style[side === "across" ? "left" : "top"] = `${100 * (side === "across" ? share : 1 - share)}%`;
      at("ticks").append(span);
      const place = (side === "across" ? share : 1 - share) * SIZE;
      at("grid").append(svgElement("path", { d: side === "across" ? `M${place} 0V${SIZE}` : `M0 ${place}H${SIZE}` }));
    };
    across.ticks.forEach(([share, text]) => tick(share, text, "across"));
    up.ticks.forEach(([share, text]) => tick(share, text, "up"));
    // Values of a category are words: they need room.
    stage.classList.toggle("words-up", up.ticks.some(([, text]) => text.length > 7));
    stage.classList.toggle("words-across", across.ticks.map(([, text]) => text).join("").length > 34);
    at("across-name").textContent = `Across: ${across.name}. Up: ${up.name}.`;
    const [x, y] = axes.map((each) => Number(each.value));
    if (data.real) draw(at("real"), decoded(data.real[x]), decoded(data.real[y]));
  };

  const show = (wanted) => {
    step = Math.max(0, Math.min(last, wanted));
    const [x, y] = axes.map((each) => Number(each.value));
    const rows = data.steps[step];
    const drawn = draw(at("made"), decoded(rows[x]), decoded(rows[y]));
    const all = rows[0].length / 2;
    const chosen = step === data.chosen ? ", chosen" : "";
    const distance = data.distances[step] === null ? "" : `, distance to held-out rows ${data.distances[step].toFixed(4)}`;
    const lacking = drawn === all ? "" : `, ${drawn} of ${all} rows have both values`;
    const text = `Epoch ${data.epochs[step]}${chosen} (checkpoint ${step + 1} of ${last + 1})${distance}${lacking}`;
    where.textContent = text;
    where.classList.toggle("is-chosen", step === data.chosen);
    stage.setAttribute("aria-label", `Scatter of rows. ${text}`);
    slider.value = String(step);
    slider.setAttribute("aria-valuetext", `Epoch ${data.epochs[step]}${chosen}`);
    at("previous").setAttribute("aria-disabled", String(step === 0));
    at("next").setAttribute("aria-disabled", String(step === last));
  };

  const pause = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
    where.setAttribute("aria-live", "polite");
  };

  const toggle = () => {
    if (timer !== null) return pause();
    if (step === last) show(0);
    if (last === 0) return undefined;
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    where.setAttribute("aria-live", "off");
    // Who asked for less motion gets fewer and plain steps, and only when asked to play.
    timer = setInterval(() => {
      show(step + 1);
      if (step === last) pause();
    }, calm.matches ? 4 * PAUSE_MS : PAUSE_MS);
    return undefined;
  };

  const go = (wanted) => {
    pause();
    show(wanted);
  };

  data.views.forEach((view, place) => axes.forEach((each) => each.append(new Option(view.name, String(place)))));
  axes[1].value = "1";
  axes.forEach((each) => each.addEventListener("change", () => { drawAxes(); show(step); }));
  at("previous").addEventListener("click", () => go(step - 1));
  at("next").addEventListener("click", () => go(step + 1));
  play.addEventListener("click", toggle);
  slider.max = String(last);
  slider.addEventListener("input", () => go(Number(slider.value)));
  at("player").addEventListener("keydown", (event) => {
    if (event.target.tagName === "SELECT" || event.ctrlKey || event.altKey || event.metaKey) return;
    const wanted = { ArrowLeft: step - 1, ArrowRight: step + 1, Home: 0, End: last }[event.key];
    if (wanted !== undefined) {
      event.preventDefault();
      go(wanted);
    } else if (event.key === " " && event.target.tagName !== "BUTTON") {
      event.preventDefault();
      toggle();
    }
  });
  if (data.chosen !== null && last > 0) {
    at("chosen-step").hidden = false;
    at("chosen-step").style.left = `calc(8px + (100% - 16px) * ${data.chosen / last})`;
  }
  drawAxes();
  show(step);
})();
