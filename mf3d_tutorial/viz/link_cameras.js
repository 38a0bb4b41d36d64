// All scenes of a Plotly figure under one camera: who moves one moves all.
function linkCameras(gd) {
  const scenes = Object.keys(gd.layout).filter(key => /^scene\d*$/.test(key));
  let busy = false;
  const follow = event => {
    const moved = scenes.find(scene => event[scene + ".camera"]);
    if (!moved || busy) return;
    busy = true;
    const others = scenes.filter(scene => scene != moved).map(scene => [scene + ".camera", event[moved + ".camera"]]);
    Plotly.relayout(gd, Object.fromEntries(others)).finally(() => busy = false);
  };
  gd.on("plotly_relayouting", follow); gd.on("plotly_relayout", follow);
}
