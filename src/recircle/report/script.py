"""What moves on the page. Without a script all of it can still be read, and each clip shows its first frame."""

SCRIPT = """
"use strict";
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const players = [...document.querySelectorAll(".player")].map((box) => {
    const image = box.querySelector("img"), button = box.querySelector("button"), range = box.querySelector("input");
    if (!button) return null;
    const frames = Number(box.dataset.frames);
    let timer = 0;
    const show = (n) => { range.value = n; image.style.transform = `translateX(${-100 * n / frames}%)`; };
    const play = (on) => {
      clearInterval(timer);
      timer = on ? setInterval(() => show((Number(range.value) + 1) % frames), still.matches ? 1000 : 300) : 0;
      button.textContent = on ? "Pause" : "Play";
    };
    button.addEventListener("click", () => { play(!timer); tell(); });
    range.addEventListener("input", () => { play(false); show(Number(range.value)); tell(); });
    box.querySelector(".controls").hidden = false;
    show(0);
    return { box, play, playing: () => timer !== 0 };
  }).filter(Boolean);

  const all = [...document.querySelectorAll(".play-all")].map((button) => {
    const part = button.closest("section");
    return { button, mine: () => players.filter((player) => part.contains(player.box)) };
  });
  const tell = () => all.forEach(({ button, mine }) => {
    button.textContent = mine().some((player) => player.playing()) ? "Pause all" : "Play all";
  });
  all.forEach(({ button, mine }) => {
    button.hidden = mine().length === 0;
    button.addEventListener("click", () => {
      const on = !mine().some((player) => player.playing());
      mine().forEach((player) => player.play(on));
      tell();
    });
  });
  // nothing moves by itself for those who ask for less motion
  still.addEventListener("change", () => { players.forEach((player) => player.play(false)); tell(); });

  document.querySelectorAll(".map").forEach((map) => {
    const { names, clips, cells, whole } = JSON.parse(map.querySelector("script").textContent);
    const svg = map.querySelector("svg"), cursor = map.querySelector(".cursor"), told = map.querySelector(".told");
    const size = names.length, counts = new Map();
    for (let n = 0; n < cells.length; n += 3) counts.set(cells[n] * size + cells[n + 1], cells[n + 2]);
    let row = 0, column = 0;
    const go = (r, c) => {
      row = Math.min(Math.max(r, 0), size - 1);
      column = Math.min(Math.max(c, 0), size - 1);
      cursor.setAttribute("x", column);
      cursor.setAttribute("y", row);
      cursor.classList.add("there");
      const number = counts.get(row * size + column) || 0;
      // of a picture that lacks cells, no clips may be few
      const many = number || whole ? number : "0 or a few";
      const known = clips[row] && (number || whole);
      const rate = known ? `, ${(100 * number / clips[row]).toFixed(1)} % of ${clips[row]}` : "";
      const what = row === column ? "recognised" : `taken for \\u201c${names[column]}\\u201d`;
      told.textContent = `\\u201c${names[row]}\\u201d ${what}: ${many} clip${number === 1 ? "" : "s"}${rate}`;
    };
    svg.addEventListener("pointermove", (event) => {
      const place = svg.getBoundingClientRect();
      go(Math.floor((event.clientY - place.top) / place.height * size),
         Math.floor((event.clientX - place.left) / place.width * size));
    });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      go(row + step[0], column + step[1]);
    });
    svg.addEventListener("focus", () => go(row, column));
  });
})();
"""
