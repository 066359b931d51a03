import "./css/main.css";
import { mount } from "./board";
import { keys } from "./keys";
import { navigate } from "./navigate";
import { progress } from "./progress";
import { theme } from "./theme";

theme();
keys();
navigate(mount);
progress(mount);
mount();
