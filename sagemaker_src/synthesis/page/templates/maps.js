// Says what the cell under the pointer holds.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const said = document.getElementById("cell");
  const shown = (value) => (value === null ? "none" : value.toFixed(2));
  for (const svg of document.querySelectorAll("#maps svg")) {
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const place = (at, from, size) => Math.min(data.names.length - 1, Math.max(0, Math.floor(((at - from) / size) * data.names.length)));
      const row = place(event.clientY, box.top, box.height);
      const column = place(event.clientX, box.left, box.width);
      const [real, made, apart] = data.maps.map((map) => shown(map[row][column]));
      said.textContent = `${data.names[row]}, ${data.names[column]}: real ${real}, synthetic ${made}, difference ${apart}`;
    });
  }
})();
