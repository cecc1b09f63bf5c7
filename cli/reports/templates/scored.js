  // The scored rows of one model or of two, counted at every threshold there is: each score that a row of either has.
  const at = (id) => document.getElementById(id);
  const data = JSON.parse(at("scored").textContent);

  // One variable-length number a row: (bits of the score less those of the score before) * 2 + label.
  const read = ({ rows, packed }) => {
    const bytes = Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0));
    const bits = new Uint32Array(rows), frauds = new Uint32Array(rows), all = new Uint32Array(rows);
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
  const joined = (lists) => {
    if (lists.length === 1) return lists[0];
    const all = new Float32Array(lists.reduce((sum, list) => sum + list.length, 0));
    let length = 0;
    lists.forEach((list) => { all.set(list, length); length += list.length; });
    return all.sort().filter((score, place) => place === 0 || score !== all[place - 1]);
  };
  const known = data.sets.map(read);
  const scores = joined(known.map((one) => one.scores)), distinct = scores.length;

  // Flagged at position p: the rows of score p and of all higher ones; at the last position none.
  const counted = (own, more) => {
    const found = new Uint32Array(distinct + 1), flagged = new Uint32Array(distinct + 1);
    let next = own.distinct - 1;
    for (let place = distinct - 1; place >= 0; place -= 1) {
      found[place] = found[place + 1];
      flagged[place] = flagged[place + 1];
      if (next >= 0 && own.scores[next] === scores[place]) {
        found[place] += own.frauds[next];
        flagged[place] += own.all[next];
        next -= 1;
      }
    }
    return { ...own, ...more, found, flagged, rows: flagged[0], fraudRows: found[0], legitimateRows: flagged[0] - found[0] };
  };
  const sets = known.map((own, place) => counted(own, { name: data.sets[place].name, thresholds: data.sets[place].thresholds }));
  // of rows that both have scored, the lower score: at or above a threshold are those that both flag
  const both = data.both ? counted(read(data.both), {}) : null;

  const least = (fits) => {
    let low = 0, high = distinct;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (fits(middle)) high = middle; else low = middle + 1;
    }
    return low;
  };
  const matrix = (set, place) => {
    const tp = set.found[place], fp = set.flagged[place] - tp;
    return { tp, fp, fn: set.fraudRows - tp, tn: set.legitimateRows - fp };
  };
  const costAt = (set, place, { missed, review, blocked }) => {
    const { tp, fp, fn } = matrix(set, place);
    return missed * fn + review * (tp + fp) + blocked * fp;
  };
  const cheapest = (set, costs) => {
    let best = distinct;
    for (let place = distinct - 1; place >= 0; place -= 1) if (costAt(set, place, costs) < costAt(set, best, costs)) best = place;
    return best;
  };

  // The way of the slider goes by flagged rows in equal ratios: half of it would else be spent on scores next to nothing.
  const WAY = 1000;
  const flaggedAt = (place) => sets.reduce((sum, set) => sum + set.flagged[place], 0), all = flaggedAt(0);
  const placeOf = (way) => {
    if (way <= 0) return 0;
    if (way >= WAY) return distinct;
    const wanted = Math.exp(Math.log(Math.max(all, 1)) * (1 - way / WAY));
    return least((place) => flaggedAt(place) <= wanted);
  };
  const wayOf = (place) => {
    if (place === 0 && distinct > 0) return 0;
    if (place >= distinct) return WAY;
    const way = Math.round(WAY * (1 - Math.log(flaggedAt(place)) / Math.log(Math.max(all, 2))));
    return Math.max(1, Math.min(WAY - 1, way));
  };
  const placeFrom = (threshold) => least((place) => scores[place] >= threshold);
