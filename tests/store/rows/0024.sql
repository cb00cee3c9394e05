update nodes set bus_ok = true;
