"""What moves on the page of a timeline: video, scores and segments in step."""

SCRIPT = """
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const video = document.querySelector("video"), now = document.querySelector(".now");
  const strips = [...document.querySelectorAll(".strip")], rows = [...document.querySelectorAll(".segments tbody tr")];
  const canvas = document.querySelector("canvas"), zoom = document.querySelector(".zoom");
  const { times, scores, names, colours, seconds, segments } = data;
  const still = matchMedia("(prefers-reduced-motion: reduce)"), dark = matchMedia("(prefers-color-scheme: dark)");
  let time = 0, width = Math.min(seconds, 60), shown = null;

  const clock = (value) => {
    const all = Math.max(0, value), h = Math.floor(all / 3600), m = Math.floor(all / 60) % 60, s = all % 60;
    const two = (n) => String(n).padStart(2, "0");
    return (h ? `${h}:${two(m)}` : m) + ":" + (s < 10 ? "0" : "") + s.toFixed(1);
  };
  // the last place whose value is not above a moment
  const place = (values, moment) => {
    let low = 0, high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] <= moment) low = middle + 1; else high = middle;
    }
    return low - 1;
  };
  const starts = segments.map((one) => one[0]);
  const current = () => {
    const n = place(starts, time);
    return n >= 0 && time < segments[n][1] ? n : -1;
  };
  const seek = (moment) => {
    time = Math.min(Math.max(moment, 0), seconds);
    if (video && video.readyState) video.currentTime = time;
    else if (video) video.addEventListener("loadedmetadata", () => { video.currentTime = time; }, { once: true });
    draw();
  };
  const range = () => {
    const from = Math.min(Math.max(time - width / 2, 0), Math.max(seconds - width, 0));
    return [from, from + width];
  };

  const draw = () => {
    const [from, to] = range();
    strips.forEach((strip) => {
      const line = strip.querySelector(".cursor"), seen = strip.querySelector(".seen");
      line.setAttribute("x1", time / seconds); line.setAttribute("x2", time / seconds);
      seen.setAttribute("x", from / seconds); seen.setAttribute("width", width < seconds ? (to - from) / seconds : 0);
      if (strip.hasAttribute("aria-valuenow")) {
        strip.setAttribute("aria-valuenow", time.toFixed(1));
        strip.setAttribute("aria-valuetext", clock(time));
      }
    });
    const n = current();
    const what = n < 0 ? "nothing recognised" : `${segments[n][2]}, ${Math.round(100 * segments[n][3])} %`;
    now.textContent = `${clock(time)}  ${what}`;
    if (n !== shown) {
      rows.forEach((row, k) => row.classList.toggle("current", k === n));
      const box = document.querySelector(".segments");
      if (n >= 0 && box) {
        const top = rows[n].offsetTop - box.clientHeight / 2;
        box.scrollTo({ top, behavior: still.matches ? "auto" : "smooth" });
      }
      shown = n;
    }
    paint(from, to);
  };

  const paint = (from, to) => {
    const ratio = devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
    canvas.width = w * ratio; canvas.height = h * ratio;
    const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    pen.scale(ratio, ratio);
    const left = 34, bottom = 20, top = 8, right = 8;
    const x = (value) => left + (value - from) / (to - from) * (w - left - right);
    const y = (value) => top + (1 - value) * (h - top - bottom);
    pen.font = "11px system-ui, sans-serif"; pen.lineWidth = 1;
    pen.strokeStyle = colour("--line"); pen.fillStyle = colour("--soft");
    for (const value of [0, .25, .5, .75, 1]) {
      pen.beginPath(); pen.moveTo(left, y(value)); pen.lineTo(w - right, y(value)); pen.stroke();
      pen.textAlign = "right"; pen.textBaseline = "middle"; pen.fillText(`${100 * value}%`, left - 4, y(value));
    }
    const most = w < 500 ? 4 : 8;
    const steps = [.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
    const step = steps.find((one) => (to - from) / one <= most) || 14400;
    pen.textAlign = "center"; pen.textBaseline = "top";
    for (let value = Math.ceil(from / step) * step; value <= to; value += step) {
      pen.beginPath(); pen.moveTo(x(value), top); pen.lineTo(x(value), h - bottom); pen.stroke();
      pen.fillText(clock(value).replace(/\\.0$/, ""), x(value), h - bottom + 5);
    }
    pen.save(); pen.beginPath(); pen.rect(left, top - 3, w - left - right, h - top - bottom + 6); pen.clip();
    const first = Math.max(0, place(times, from)), last = Math.min(times.length - 1, place(times, to) + 1);
    const jump = Math.max(1, Math.floor((last - first) / (2 * w)));
    if (data.threshold) {
      pen.setLineDash([5, 4]); pen.strokeStyle = colour("--soft"); pen.beginPath();
      pen.moveTo(left, y(data.threshold)); pen.lineTo(w, y(data.threshold)); pen.stroke(); pen.setLineDash([]);
    }
    pen.lineWidth = 1.8; pen.lineJoin = "round";
    // those that have a colour of their own come last, and lie above the others
    names.map((_, k) => k).reverse().forEach((k) => {
      pen.strokeStyle = pen.fillStyle = colour(`--c${colours[k]}`);
      pen.beginPath();
      for (let n = first; n <= last; n += jump) {
        // of many windows, the surest
        let value = 0;
        for (let m = n; m < Math.min(n + jump, last + 1); m++) value = Math.max(value, scores[k][m] / 1000);
        if (n === first) pen.moveTo(x(times[n]), y(value)); else pen.lineTo(x(times[n]), y(value));
        if (first === last) pen.arc(x(times[n]), y(value), 3, 0, 7);
      }
      pen.stroke();
    });
    pen.restore();
    pen.strokeStyle = colour("--text"); pen.lineWidth = 2;
    pen.beginPath(); pen.moveTo(x(time), top - 3); pen.lineTo(x(time), h - bottom + 3); pen.stroke();
    canvas.onclick = (event) => {
      const at = event.clientX - canvas.getBoundingClientRect().left;
      seek(from + (at - left) / (w - left - right) * (to - from));
    };
  };

  strips.forEach((strip) => {
    const go = (event) => {
      const box = strip.getBoundingClientRect();
      seek((event.clientX - box.left) / box.width * seconds);
    };
    strip.addEventListener("pointerdown", (event) => { strip.setPointerCapture(event.pointerId); go(event); });
    strip.addEventListener("pointermove", (event) => { if (event.buttons) go(event); });
    strip.addEventListener("keydown", (event) => {
      const keys = { ArrowLeft: -1, ArrowRight: 1, PageUp: 30, PageDown: -30, Home: -Infinity, End: Infinity };
      const step = keys[event.key];
      if (!step) return;
      event.preventDefault();
      seek(Number.isFinite(step) ? time + step : step < 0 ? 0 : seconds);
    });
  });
  rows.forEach((row, k) => row.querySelector("button").addEventListener("click", () => seek(segments[k][0])));
  zoom.querySelectorAll("button").forEach((button) => button.addEventListener("click", () => {
    width = Math.min(Math.max(width * Number(button.dataset.by), Math.min(seconds, 2)), seconds);
    draw();
  }));
  if (video) {
    const follow = () => { time = Math.min(video.currentTime, seconds); draw(); };
    let frame = 0;
    const loop = () => { follow(); frame = requestAnimationFrame(loop); };
    video.addEventListener("play", () => { cancelAnimationFrame(frame); loop(); });
    const stop = () => { cancelAnimationFrame(frame); follow(); };
    ["pause", "ended"].forEach((name) => video.addEventListener(name, stop));
    video.addEventListener("seeked", follow);
    video.addEventListener("error", () => { document.querySelector(".unplayable").hidden = false; });
  }
  addEventListener("resize", draw);
  dark.addEventListener("change", draw);
  document.querySelectorAll("[data-scripted]").forEach((part) => { part.hidden = false; });
  const asked = /^#t=([0-9.]+)$/.exec(location.hash);
  seek(asked ? Number(asked[1]) : 0);
})();
"""
