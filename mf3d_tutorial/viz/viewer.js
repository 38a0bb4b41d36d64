// Panels of one point cloud side by side in one WebGL canvas, under one camera. The explorer uses it.
class Viewer {
  // coord: Uint16Array of x, y, z, 0 for each point, 0..65535 in a box of `extent` metres; spacing: size of a point, metres
  constructor(canvas, coord, extent, spacing, views) {
    Object.assign(this, { canvas, coord, extent, spacing, views, picked: () => {}, hovered: () => {}, turned: () => {}, frames: 0 });
    Object.assign(this, { turn: -0.6, tilt: 0.9, far: 1.15 * Math.hypot(...extent), at: [0, 0], count: coord.length / 4, ceiling: 1, near: 0 });
    const gl = this.gl = canvas.getContext("webgl", { preserveDrawingBuffer: true });
    if (!gl) throw "this browser shows no WebGL";
    const program = gl.createProgram(), source = {
      [gl.VERTEX_SHADER]: `attribute vec3 p; attribute vec4 c; uniform mat4 m; uniform float size; uniform vec2 cut; varying vec4 v;
        void main() { gl_Position = p.z > cut.x ? vec4(2.) : m * vec4(p, 1.); gl_PointSize = max(2., size / gl_Position.w);
          if (gl_Position.w < cut.y) gl_Position = vec4(2., 2., 2., 1.); v = c; }`,
      // What is opaque by half covers every other pixel: points need no order then.
      [gl.FRAGMENT_SHADER]: `precision mediump float; varying vec4 v;
        void main() { if (length(gl_PointCoord - .5) > .5 || v.a < .02 + .96 * fract(dot(floor(gl_FragCoord.xy), vec2(.7549, .5698)))) discard;
          gl_FragColor = vec4(v.rgb, 1.); }` };
    for (const [kind, text] of Object.entries(source)) {
      const shader = gl.createShader(+kind);
      gl.shaderSource(shader, text); gl.compileShader(shader); gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, "p"); gl.bindAttribLocation(program, 1, "c");
    gl.linkProgram(program); gl.useProgram(program); gl.enable(gl.DEPTH_TEST); gl.clearColor(1, 1, 1, 1);
    [this.matrixAt, this.sizeAt, this.cutAt] = ["m", "size", "cut"].map(name => gl.getUniformLocation(program, name));
    this.place = gl.createBuffer(); this.colors = Array.from({ length: views }, () => gl.createBuffer());
    gl.bindBuffer(gl.ARRAY_BUFFER, this.place); gl.bufferData(gl.ARRAY_BUFFER, coord, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0); gl.vertexAttribPointer(0, 3, gl.UNSIGNED_SHORT, true, 8, 0); gl.enableVertexAttribArray(1);
    this.listen(); new ResizeObserver(() => this.draw()).observe(canvas);
  }
  paint(view, index, palette, alpha) { // palette: r, g, b of each colour; alpha: 0..255 a point, none: all are opaque
    const gl = this.gl, out = new Uint8Array(4 * this.count);
    for (let n = 0; n < this.count; n++) {
      for (let a = 0; a < 3; a++) out[4 * n + a] = palette[3 * index[n] + a];
      out[4 * n + 3] = alpha.length ? alpha[n] : 255;
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colors[view]); gl.bufferData(gl.ARRAY_BUFFER, out, gl.DYNAMIC_DRAW);
    this.draw();
  }
  matrix(aspect) { // from 0..1 in the box to clip space, column by column
    const [ct, st, cp, sp] = [Math.cos(this.turn), Math.sin(this.turn), Math.cos(this.tilt), Math.sin(this.tilt)];
    const rows = [[ct, st, 0], [-sp * st, sp * ct, cp], [cp * st, -cp * ct, sp]], e = this.extent, out = [];
    const middle = [e[0] / 2 + this.at[0], e[1] / 2 + this.at[1], e[2] / 2], near = this.far / 50, end = this.far * 4;
    const shift = rows.map((row, i) => -row.reduce((s, x, a) => s + x * middle[a], i == 2 ? this.far : 0));
    for (let a = 0; a < 4; a++) {
      const [x, y, z] = rows.map((row, i) => a < 3 ? row[a] * e[a] : shift[i]);
      out.push(2 * x / aspect, 2 * y, (end + near) / (near - end) * z + (a == 3 ? 2 * end * near / (near - end) : 0), -z);
    }
    return out;
  }
  draw() {
    if (!this.waiting) this.waiting = requestAnimationFrame(() => this.render());
  }
  render() {
    const { gl, canvas } = this, scale = window.devicePixelRatio, high = canvas.clientHeight * scale;
    this.waiting = 0; canvas.width = canvas.clientWidth * scale; canvas.height = high;
    const wide = canvas.width / this.views;
    gl.viewport(0, 0, canvas.width, high); gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix4fv(this.matrixAt, false, this.matrix(wide / high)); gl.uniform1f(this.sizeAt, this.spacing * high * 1.5);
    gl.uniform2f(this.cutAt, this.ceiling, this.far + (2 * this.near - 1) * Math.hypot(...this.extent) / 2);
    this.colors.forEach((buffer, view) => {
      gl.viewport(view * wide, 0, wide, high); gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 4, 0); gl.drawArrays(gl.POINTS, 0, this.count);
    });
    canvas.dataset.frames = ++this.frames;
  }
  nearest(x, y) { // the point in front, within six pixels of a place on the canvas; -1: none
    const wide = this.canvas.clientWidth / this.views, high = this.canvas.clientHeight, m = this.matrix(wide / high);
    let best = -1, depth = Infinity;
    for (let n = 0; n < this.count; n++) {
      const [a, b, w] = [0, 1, 3].map(r => m[12 + r] + [0, 1, 2].reduce((s, k) => s + m[4 * k + r] * this.coord[4 * n + k], 0) / 65535);
      const off = Math.hypot((a / w + 1) / 2 * wide - x % wide, (1 - b / w) / 2 * high - y);
      if (off < 6 && w < depth && this.coord[4 * n + 2] <= 65535 * this.ceiling) [best, depth] = [n, w];
    }
    return best;
  }
  listen() {
    let held = null;
    this.canvas.onpointerdown = e => { held = [e.clientX, e.clientY, 0]; this.canvas.setPointerCapture(e.pointerId); };
    this.canvas.onpointermove = e => {
      if (!held) { clearTimeout(this.rest); this.rest = setTimeout(() => this.hovered(this.nearest(e.offsetX, e.offsetY)), 60); return; }
      const [dx, dy] = [e.clientX - held[0], e.clientY - held[1]], s = this.far / this.canvas.clientHeight;
      const [c, t] = [Math.cos(this.turn), Math.sin(this.turn)];
      held = [e.clientX, e.clientY, held[2] + Math.abs(dx) + Math.abs(dy)];
      if (e.shiftKey) this.at = [this.at[0] - s * (dx * c + dy * t), this.at[1] - s * (dx * t - dy * c)];
      else [this.turn, this.tilt] = [this.turn - dx / 150, Math.max(-1.55, Math.min(1.55, this.tilt + dy / 150))];
      this.draw();
    };
    this.canvas.onpointerup = e => {
      if (held && held[2] < 4) this.picked(this.nearest(e.offsetX, e.offsetY)); else this.turned(this.turn, this.tilt);
      held = null;
    };
    this.canvas.onwheel = e => { this.far *= Math.exp(e.deltaY / 1000); this.draw(); e.preventDefault(); };
  }
}
